"""Prunes and clears the cache.

This uses names, sizes and ages of files only, never their content, so it works for all versions of
podtts that share the root, and for all kinds of cached files.
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

_QUARANTINE_SECONDS = 7 * 24 * 3600.0  # enough time to inspect damaged files


@dataclass(frozen=True)
class _Folder:
    """A folder under the root; `owns` tells by its name which file podtts may remove."""

    name: str
    owns: Callable[[str], bool]
    pruned: bool  # False: its files are not removed for their size or age


_FOLDERS = (
    _Folder("prompts", is_any_entry_name, pruned=True),
    _Folder("prefixes", lambda name: KEYED_NAME.fullmatch(name) is not None, pruned=True),
    _Folder("quantized", lambda name: KEYED_NAME.fullmatch(name) is not None, pruned=True),
    _Folder("quarantine", lambda name: True, pruned=True),
    _Folder("voices", lambda name: name.endswith(".json"), pruned=False),
)


@dataclass(frozen=True)
class Removed:
    """A removed file and the reason; with `problem`, a file that could not be removed."""

    path: Path
    size_bytes: int
    reason: str
    problem: str | None = None


@dataclass(frozen=True)
class _CachedFile:
    """A file or folder in the cache."""

    path: Path
    size_bytes: int
    used: float  # time of the last use or of the move to quarantine, in seconds since 1970


def prune(
    root: Path, max_bytes: int | None = None, older_than_seconds: float | None = None
) -> Iterator[Removed]:
    """Remove files that are not needed, and yield each of them.

    Removes temporary files of killed writers and files in quarantine for a week; then files last
    used longer ago than `older_than_seconds`; then the least recently used files until `max_bytes`
    are left. Voices stay. A run does not need an entry again once it has read it, so pruning never
    disturbs a run.
    """
    now = time.time()
    yield from _remove_temporaries(root)
    remaining = []
    for folder in _FOLDERS:
        for file in _files(root, folder) if folder.pruned else ():
            age = now - file.used
            if older_than_seconds is not None and age > older_than_seconds:
                yield _remove(file, "not used for long")
            elif folder.name == "quarantine" and age > _QUARANTINE_SECONDS:
                yield _remove(file, "in quarantine for more than a week")
            else:
                remaining.append(file)
    if max_bytes is None:
        return
    excess = sum(file.size_bytes for file in remaining) - max_bytes
    for file in sorted(remaining, key=lambda file: (file.used, file.path)):
        if excess <= 0:
            return
        if not _is_unchanged(file):
            continue
        removed = _remove(file, "least recently used")
        excess -= 0 if removed.problem else file.size_bytes
        yield removed


def clear(root: Path) -> Iterator[Removed]:
    """Remove all files of podtts under a root, including voices, and yield each of them.

    Temporary files of a run in progress stay, so that the run is not disturbed.
    """
    yield from _remove_temporaries(root)
    for folder in _FOLDERS:
        for file in _files(root, folder):
            yield _remove(file, "cleared")


def clear_prefixes(root: Path) -> Iterator[Removed]:
    """Remove the LLM's states after prompts, which hold something of the voices in them.

    They are stored by cast, so those of one voice alone cannot be told. Runs compute them again.
    """
    for folder in _FOLDERS:
        for file in _files(root, folder) if folder.name == "prefixes" else ():
            yield _remove(file, "holds voices")


def contents(root: Path) -> dict[str, int]:
    """Return the number of podtts's files in each folder under a root."""
    return {folder.name: len(_files(root, folder)) for folder in _FOLDERS}


def _remove_temporaries(root: Path) -> Iterator[Removed]:
    for folder in _FOLDERS:
        for path in stale_temporaries(root / folder.name):
            with contextlib.suppress(OSError):  # removed in the meantime
                yield _remove(_cached_file(path), "left behind by a killed process")


def _files(root: Path, folder: _Folder) -> list[_CachedFile]:
    files = []
    for path in sorted((root / folder.name).glob("*")):
        if folder.owns(path.name) and not path.name.startswith("."):
            with contextlib.suppress(OSError):  # removed in the meantime
                files.append(_cached_file(path))
    return files


def _cached_file(path: Path) -> _CachedFile:
    status = path.lstat()
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
    size_bytes = status.st_size + sum(each.lstat().st_size for each in inside)
    return _CachedFile(path, size_bytes, status.st_mtime)


def _is_unchanged(file: _CachedFile) -> bool:
    """Return whether a file was neither used nor replaced since it was listed."""
    try:
        return file.path.lstat().st_mtime == file.used
    except OSError:
        return False


def _remove(file: _CachedFile, reason: str) -> Removed:
    """Remove a file, link or folder, unless it is already gone."""
    try:
        if file.path.is_dir() and not file.path.is_symlink():
            shutil.rmtree(file.path)
        else:
            file.path.unlink(missing_ok=True)
    except OSError as error:
        return Removed(file.path, file.size_bytes, reason, f"cannot be removed: {error.strerror}")
    return Removed(file.path, file.size_bytes, reason)
