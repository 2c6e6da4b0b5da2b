"""A cache of computed tensors in sealed files, found by a key of everything their bits depend on.

It is a folder of limited size under the root of the cache. Damaged and foreign files are misses,
and no error here fails a run.
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
from podtts.storage.regular_files import is_unusable, map_regular
from podtts.storage.sealed import KEYED_NAME, Array, SealError, sealed_parts, unseal_views

T = TypeVar("T")


@dataclass(frozen=True)
class _Entry:
    path: Path
    size_bytes: int
    used: float  # time of last use in seconds since 1970


class KeyedStore:
    """A folder of sealed files.

    form:        name and version of the files' format.
    identity:    the part that all keys of this run have in common.
    limit_bytes: maximum size of the folder; the files unused for longest are removed first.
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

    def read(self, key: object, convert: Callable[[Mapping[str, Array]], T]) -> T | None:
        """Return `convert(tensors)` for the tensors stored under a key; None when there are none.

        key:     JSON values.
        convert: raises SealError for unexpected tensors. The tensors are views of the mapped file
                 and keep it mapped.
        """
        path = self._path(key)
        try:
            tensors, metadata = unseal_views(map_regular(path, self._limit_bytes))
            if metadata != {"format": self._form, "key": path.stem}:
                raise SealError("it belongs to another key")
            value = convert(tensors)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except SealError as error:
            self._move_to_quarantine(path, str(error))
            return None
        except OSError as error:
            if is_unusable(error):
                self._move_to_quarantine(path, f"it is not an entry: {error.strerror}")
            else:
                self._warn(f"{path} is not used: it cannot be read: {error.strerror}")
            return None
        with contextlib.suppress(OSError):  # the cache may be read-only
            os.utime(path)
        return value

    def write(self, key: object, tensors: Mapping[str, Array]) -> None:
        """Store tensors under a key, unless they exceed the limit; warn when that fails."""
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
            # The same message as from the rest of the cache, so a full disk is reported once.
            reason = error.strerror or error
            self._warn(f"the prompt cache {self._folder.parent} cannot be written: {reason}")

    def _path(self, key: object) -> Path:
        full_key = json.dumps([self._form, self._identity, key], sort_keys=True)
        return self._folder / f"{hashlib.sha256(full_key.encode()).hexdigest()}.safetensors"

    def _make_room(self, size: int) -> None:
        entries = sorted(_entries(self._folder), key=lambda entry: (entry.used, entry.path))
        excess = sum(entry.size_bytes for entry in entries) + size - self._limit_bytes
        for entry in entries:
            if excess <= 0:
                return
            entry.path.unlink(missing_ok=True)
            excess -= entry.size_bytes

    def _move_to_quarantine(self, path: Path, reason: str) -> None:
        if problem := self._quarantine.move_damaged(path, reason):
            self._warn(f"{path} is not used: {problem}")


def _entries(folder: Path) -> list[_Entry]:
    entries = []
    for path in sorted(folder.glob("*.safetensors")):
        if KEYED_NAME.fullmatch(path.name):
            with contextlib.suppress(OSError):  # removed in the meantime
                status = path.lstat()
                entries.append(_Entry(path, status.st_size, status.st_mtime))
    return entries
