"""What was computed once, kept in sealed files that are found by all that decides their bits.

A folder under the cache's root, bounded in size. Anything damaged or foreign is a miss, and nothing
that goes wrong here fails a run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from podtts.storage.atomic import sweep_temporaries, write_atomically
from podtts.storage.quarantine import Quarantine
from podtts.storage.regular import is_in_the_way, map_regular
from podtts.storage.sealed import KEYED_NAME, Array, SealError, sealed_parts, unseal_views

T = TypeVar("T")


@dataclass(frozen=True)
class _Entry:
    path: Path
    size_bytes: int
    used: float  # seconds since 1970


class KeyedStore:
    """One folder of such files.

    form:        name and version of what the files hold.
    identity:    what every key of this run has in common.
    limit_bytes: of the folder; what was not used for longest goes first.
    """

    def __init__(
        self,
        root: Path,
        folder: str,
        form: str,
        identity: Mapping[str, str],
        warn: Callable[[str], None],
        limit_bytes: int,
    ) -> None:
        self._folder = root / folder
        self._quarantine = Quarantine(root)
        self._form, self._identity = form, dict(identity)
        self._warn = warn
        self._limit_bytes = limit_bytes

    def read(self, key: object, take: Callable[[Mapping[str, Array]], T]) -> T | None:
        """Return what `take` makes of the tensors kept under a key (JSON values); None: nothing.

        The tensors are views of the mapped file and keep it mapped. `take` raises SealError for
        tensors that are not what it expects.
        """
        path = self._path(key)
        try:
            tensors, metadata = unseal_views(map_regular(path, self._limit_bytes))
            if metadata != {"format": self._form, "key": path.stem}:
                raise SealError("it was made for something else")
            taken = take(tensors)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except SealError as error:
            self._put_aside(path, str(error))
            return None
        except OSError as error:
            if is_in_the_way(error):
                self._put_aside(path, f"it is no entry: {error.strerror}")
            else:
                self._warn(f"{path} is not used: it cannot be read: {error.strerror}")
            return None
        with contextlib.suppress(OSError):  # read-only: then it was used all the same
            os.utime(path)
        return taken

    def write(self, key: object, tensors: Mapping[str, Array]) -> None:
        """Keep tensors under a key, or say that this fails; nothing larger than the limit."""
        path = self._path(key)
        parts = sealed_parts(tensors, {"format": self._form, "key": path.stem})
        size = sum(map(len, parts))
        if size > self._limit_bytes:
            return
        try:
            sweep_temporaries(self._folder)
            self._make_room(size)
            write_atomically(path, *parts)
        except OSError as error:
            # Worded as by the other shelves of the same cache: a full disk is said once.
            reason = error.strerror or error
            self._warn(f"the prompt cache {self._folder.parent} cannot be written: {reason}")

    def _path(self, key: object) -> Path:
        whole = json.dumps([self._form, self._identity, key], sort_keys=True)
        return self._folder / f"{hashlib.sha256(whole.encode()).hexdigest()}.safetensors"

    def _make_room(self, size: int) -> None:
        entries = sorted(_entries(self._folder), key=lambda entry: (entry.used, entry.path))
        excess = sum(entry.size_bytes for entry in entries) + size - self._limit_bytes
        for entry in entries:
            if excess <= 0:
                return
            entry.path.unlink(missing_ok=True)
            excess -= entry.size_bytes

    def _put_aside(self, path: Path, reason: str) -> None:
        try:
            kept = self._quarantine.take(path)
        except OSError as error:
            self._warn(f"{path} is not used: {reason}; it cannot be moved away: {error.strerror}")
        else:
            if kept:
                self._warn(f"{path} is not used: {reason}; it was moved to {kept}")


def _entries(folder: Path) -> list[_Entry]:
    found = []
    for path in sorted(folder.glob("*.safetensors")):
        if KEYED_NAME.fullmatch(path.name):
            with contextlib.suppress(OSError):  # gone in between
                status = path.lstat()
                found.append(_Entry(path, status.st_size, status.st_mtime))
    return found
