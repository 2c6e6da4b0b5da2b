"""The prompt cache on disk: one self-describing file per entry, without an index.

The key of an entry is exactly what its tensors depend on, so a recording with another name, or with
a corrected transcript, is still a hit. Damaged and foreign files are misses. Files appear and
change in one step, so neither reading nor writing needs a lock.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from podtts.deprecation import renamed_method
from podtts.errors import InputError
from podtts.prompts.entry import (
    LONGEST_ENTRY_BYTES,
    PromptKey,
    features_of,
    from_bytes,
    is_entry_name,
    tensors_of,
    to_bytes,
)
from podtts.rates import TOKENS_PER_SECOND
from podtts.storage.atomic import sweep_temporaries, write_atomically
from podtts.storage.quarantine import Quarantine
from podtts.storage.regular_files import is_unusable, read_regular
from podtts.storage.sealed import Array, SealError
from podtts.values import PromptFeatures

_UNREADABLE = "it cannot be read: "

__all__ = ["PromptCache", "PromptEntry", "PromptKey"]


@dataclass(frozen=True)
class PromptEntry:
    """A file of the cache, as `podtts cache ls` lists it."""

    key: PromptKey
    path: Path
    tokens: int
    size_bytes: int

    @property
    def seconds(self) -> float:
        """Length of the recording as the model sees it."""
        return self.tokens / TOKENS_PER_SECOND

    @property
    def used(self) -> float:
        """Time of the last use or write, in seconds since 1970; 0 when the entry is gone."""
        try:
            return self.path.stat().st_mtime
        except OSError:
            return 0.0


@dataclass(frozen=True)
class _VerifiedEntry:
    """A verified entry with its tensors."""

    entry: PromptEntry
    tensors: dict[str, Array]


class PromptCache:
    """The folder `prompts` under a root. Any number of threads and processes may use it at once.

    It never fails a run: it reports every problem once through `warn`, and the caller continues
    without the cache.
    """

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root = root
        self._prompts = root / "prompts"
        self._quarantine = Quarantine(root)
        self.warn = warn
        self._reported: set[str] = set()
        self._reporting = threading.Lock()
        self._swept = False

    elsewhere = renamed_method("PromptCache.elsewhere", "with_root")

    def with_root(self, root: Path) -> PromptCache:
        """Return the cache under another root, with the same `warn`."""
        return PromptCache(root, self.warn)

    def get(self, key: PromptKey) -> PromptFeatures | None:
        """Return the features stored under a key, in memory of their own, or None."""
        tensors = self.find(key)
        return features_of(tensors) if tensors else None

    def find(self, key: PromptKey) -> dict[str, Array] | None:
        """Like `get`, but return arrays, so that torch is not imported."""
        verified = self._read_or_warn(self._prompts / key.filename(), key)
        if not verified:
            return None
        with contextlib.suppress(OSError):  # the cache may be read-only, the entry removed
            os.utime(verified.entry.path)  # pruning removes the least recently used first
        return verified.tensors

    def put(self, key: PromptKey, features: PromptFeatures) -> None:
        """Store the features under a key; warn when that fails."""
        try:
            self.store(key, tensors_of(features))
        except OSError as error:
            self.warn_unwritable(error)

    def warn_unwritable(self, error: OSError) -> None:
        """Warn that the cache cannot be written, once for each reason."""
        reason = error.strerror or str(error)
        self._report(f"the prompt cache {self.root} cannot be written: {reason}", cause=reason)

    def store(self, key: PromptKey, tensors: Mapping[str, Array]) -> PromptEntry:
        """Store the tensors of an entry under a key. Raises OSError when that fails."""
        path, raw = self._prompts / key.filename(), to_bytes(key, tensors)
        if not self._swept:  # once per run, and only by writers, because killed writers leave them
            self._swept = True
            sweep_temporaries(self._prompts)
        write_atomically(path, raw)
        return PromptEntry(key, path, len(tensors["speech_tokens"]), len(raw))

    def entries(self) -> list[PromptEntry]:
        """Return all valid entries, in order of their file names."""
        return [verified.entry for verified in map(self._read_or_warn, self._paths()) if verified]

    def verify(self) -> Iterator[tuple[Path, str | None]]:
        """Check every entry; yield its path and its problem, None for no problem.

        Moves damaged entries to quarantine.
        """
        for path in self._paths():
            result = self._read(path)
            if result:
                yield path, result if isinstance(result, str) else None

    def remove(self, audio_sha256: str) -> list[PromptEntry]:
        """Delete and return the entries of one recording. Raises InputError if one remains."""
        entries = [entry for entry in self.entries() if entry.key.audio_sha256 == audio_sha256]
        for entry in entries:
            try:
                entry.path.unlink(missing_ok=True)
            except OSError as error:
                raise InputError(f"{entry.path}: cannot be removed: {error.strerror}") from error
        return entries

    def _paths(self) -> list[Path]:
        paths = sorted(self._prompts.glob("*.safetensors"))
        return [path for path in paths if is_entry_name(path.name)]

    def _read_or_warn(self, path: Path, key: PromptKey | None = None) -> _VerifiedEntry | None:
        result = self._read(path, key)
        if isinstance(result, str):
            self._report(f"{path} is not used: {result}", cause=result.removeprefix(_UNREADABLE))
            return None
        return result

    def _read(self, path: Path, key: PromptKey | None = None) -> _VerifiedEntry | str | None:
        """Read and verify an entry.

        Returns None when there is no entry, and a message when it cannot be read, or is damaged
        and now in quarantine.
        """
        try:
            raw = read_regular(path, LONGEST_ENTRY_BYTES)
            stored_key, tensors = from_bytes(raw)
            if path.name != stored_key.filename() or key not in (None, stored_key):
                raise SealError("it belongs to another recording or model")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except SealError as error:
            return self._quarantine.move_damaged(path, str(error))
        except OSError as error:
            if is_unusable(error):
                return self._quarantine.move_damaged(path, f"it is not an entry: {error.strerror}")
            return f"{_UNREADABLE}{error.strerror}"
        entry = PromptEntry(stored_key, path, len(tensors["speech_tokens"]), len(raw))
        return _VerifiedEntry(entry, tensors)

    def _report(self, message: str, cause: str) -> None:
        """Warn once per cause: for example, of a full disk once, not for every entry."""
        with self._reporting:
            if cause in self._reported:
                return
            self._reported.add(cause)
        self.warn(message)
