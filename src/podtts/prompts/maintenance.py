"""Keeping a cache small: what may go, and in which order.

It looks at names, sizes and ages alone, never into files, so it serves every version of podtts that
shares the root, and whatever is kept beside the prompts.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from podtts.prompts.entry import is_any_entry_name
from podtts.storage.atomic import stale_temporaries
from podtts.storage.sealed import KEYED_NAME

_QUARANTINE_SECONDS = 7 * 24 * 3600.0  # time enough to look at what was damaged


@dataclass(frozen=True)
class _Shelf:
    """A folder under the root, and which of its files are its own; others are never touched."""

    name: str
    owns: Callable[[str], bool]
    pruned: bool  # False: nothing in it goes because of its size or age


_SHELVES = (
    _Shelf("prompts", is_any_entry_name, pruned=True),
    _Shelf("prefixes", lambda name: KEYED_NAME.fullmatch(name) is not None, pruned=True),
    _Shelf("quantized", lambda name: KEYED_NAME.fullmatch(name) is not None, pruned=True),
    _Shelf("quarantine", lambda name: True, pruned=True),
    _Shelf("voices", lambda name: name.endswith(".json"), pruned=False),
)


@dataclass(frozen=True)
class Removed:
    """A file that went, and why; or one that should have, but cannot be removed."""

    path: Path
    size_bytes: int
    reason: str
    problem: str | None = None


@dataclass(frozen=True)
class _Kept:
    """A file or folder as it lies there."""

    path: Path
    size_bytes: int
    used: float  # seconds since 1970: when it was last used, or put into quarantine


def prune(
    root: Path, max_bytes: int | None = None, older_than_seconds: float | None = None
) -> Iterator[Removed]:
    """Remove what is not needed, and yield each file as it goes.

    First temporary files that writers left behind, and what has been in quarantine for a week; then
    what was last used longer ago than `older_than_seconds`; then what was not used for longest,
    until `max_bytes` are left. Voices stay. A run that has read an entry does not need it again, so
    nothing in use is lost.
    """
    now = time.time()
    yield from _remove_temporaries(root)
    left = []
    for shelf in _SHELVES:
        for kept in _lying_in(root, shelf) if shelf.pruned else ():
            age = now - kept.used
            if older_than_seconds is not None and age > older_than_seconds:
                yield _remove(kept, "not used for long")
            elif shelf.name == "quarantine" and age > _QUARANTINE_SECONDS:
                yield _remove(kept, "in quarantine for more than a week")
            else:
                left.append(kept)
    if max_bytes is None:
        return
    excess = sum(kept.size_bytes for kept in left) - max_bytes
    for kept in sorted(left, key=lambda kept: (kept.used, kept.path)):
        if excess <= 0:
            return
        if not _is_as_it_was(kept):
            continue
        removed = _remove(kept, "least recently used")
        excess -= 0 if removed.problem else kept.size_bytes
        yield removed


def clear(root: Path) -> Iterator[Removed]:
    """Remove all that podtts keeps under a root, voices too, and yield each file as it goes.

    The temporary file of a run in progress stays: that run goes on undisturbed.
    """
    yield from _remove_temporaries(root)
    for shelf in _SHELVES:
        for kept in _lying_in(root, shelf):
            yield _remove(kept, "cleared")


def contents(root: Path) -> dict[str, int]:
    """Return how many files of its own each folder under a root holds."""
    return {shelf.name: len(_lying_in(root, shelf)) for shelf in _SHELVES}


def _remove_temporaries(root: Path) -> Iterator[Removed]:
    for shelf in _SHELVES:
        for path in stale_temporaries(root / shelf.name):
            with contextlib.suppress(OSError):  # gone in between
                yield _remove(_look_at(path), "left behind by a writer")


def _lying_in(root: Path, shelf: _Shelf) -> list[_Kept]:
    found = []
    for path in sorted((root / shelf.name).glob("*")):
        if shelf.owns(path.name) and not path.name.startswith("."):
            with contextlib.suppress(OSError):  # gone in between
                found.append(_look_at(path))
    return found


def _look_at(path: Path) -> _Kept:
    status = path.lstat()
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
    size_bytes = status.st_size + sum(each.lstat().st_size for each in inside)
    return _Kept(path, size_bytes, status.st_mtime)


def _is_as_it_was(kept: _Kept) -> bool:
    """Return whether a file was neither used nor replaced since it was looked at."""
    try:
        return kept.path.lstat().st_mtime == kept.used
    except OSError:
        return False


def _remove(kept: _Kept, reason: str) -> Removed:
    """Remove a file, link or folder; that it is gone already is as good."""
    try:
        if kept.path.is_dir() and not kept.path.is_symlink():
            shutil.rmtree(kept.path)
        else:
            kept.path.unlink(missing_ok=True)
    except OSError as error:
        return Removed(kept.path, kept.size_bytes, reason, f"cannot be removed: {error.strerror}")
    return Removed(kept.path, kept.size_bytes, reason)
