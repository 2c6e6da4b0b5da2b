"""Prompts kept on disk: one self-describing file an entry, no index, nothing that can mislead.

An entry is found by what its tensors depend on and by nothing else, so a recording under another
name, or with a corrected transcript, is still a hit. Whatever is damaged or foreign is a miss.
Files appear and change in one step, so neither reading nor writing takes a lock.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

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
    """One file of the cache, as `podtts cache ls` shows it."""

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
        """When the entry was last used or written, in seconds since 1970; 0 when it is gone."""
        try:
            return self.path.stat().st_mtime
        except OSError:
            return 0.0


@dataclass(frozen=True)
class _Sound:
    """A verified entry with its tensors."""

    entry: PromptEntry
    tensors: dict[str, Array]


class PromptCache:
    """The folder `prompts` under a root. Safe for any number of threads and processes at once.

    It never fails a run: what goes wrong is said through `warn`, each thing once, and the caller
    goes on without the cache.
    """

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root = root
        self._prompts = root / "prompts"
        self._quarantine = Quarantine(root)
        self._warn = warn
        self._said: set[str] = set()
        self._saying = threading.Lock()
        self._swept = False

    def elsewhere(self, root: Path) -> PromptCache:
        """The cache under another root; it says what goes wrong in the same way."""
        return PromptCache(root, self._warn)

    def get(self, key: PromptKey) -> PromptFeatures | None:
        """Return the features kept under a key, in memory of their own, or None."""
        tensors = self.find(key)
        return features_of(tensors) if tensors else None

    def find(self, key: PromptKey) -> dict[str, Array] | None:
        """Return the tensors of an entry, in memory of their own, or None: a hit, without torch."""
        found = self._read_or_say(self._prompts / key.filename(), key)
        if not found:
            return None
        with contextlib.suppress(OSError):  # read-only, or gone: then it was used all the same
            os.utime(found.entry.path)  # what was used last is pruned last
        return found.tensors

    def put(self, key: PromptKey, features: PromptFeatures) -> None:
        """Keep the features under a key, or say that this cannot be done."""
        try:
            self.store(key, tensors_of(features))
        except OSError as error:
            reason = error.strerror or str(error)
            self._say(f"the prompt cache {self.root} cannot be written: {reason}", about=reason)

    def store(self, key: PromptKey, tensors: Mapping[str, Array]) -> PromptEntry:
        """Keep the tensors of an entry under a key; raises OSError when this cannot be done."""
        path, raw = self._prompts / key.filename(), to_bytes(key, tensors)
        if not self._swept:  # once a run: writers that were killed leave these, and only writers
            self._swept = True
            sweep_temporaries(self._prompts)
        write_atomically(path, raw)
        return PromptEntry(key, path, len(tensors["speech_tokens"]), len(raw))

    def entries(self) -> list[PromptEntry]:
        """Return all sound entries, in order of their file names."""
        return [found.entry for found in map(self._read_or_say, self._paths()) if found]

    def verify(self) -> Iterator[tuple[Path, str | None]]:
        """Check every entry; yield its path, and what is wrong if anything is.

        A damaged one is in quarantine by then.
        """
        for path in self._paths():
            found = self._read(path)
            if found:
                yield path, found if isinstance(found, str) else None

    def remove(self, audio_sha256: str) -> list[PromptEntry]:
        """Delete and return the entries of one recording. Raises InputError if one stays."""
        doomed = [entry for entry in self.entries() if entry.key.audio_sha256 == audio_sha256]
        for entry in doomed:
            try:
                entry.path.unlink(missing_ok=True)
            except OSError as error:
                raise InputError(f"{entry.path}: cannot be removed: {error.strerror}") from error
        return doomed

    def _paths(self) -> list[Path]:
        paths = sorted(self._prompts.glob("*.safetensors"))
        return [path for path in paths if is_entry_name(path.name)]

    def _read_or_say(self, path: Path, key: PromptKey | None = None) -> _Sound | None:
        found = self._read(path, key)
        if isinstance(found, str):
            self._say(f"{path} is not used: {found}", about=found.removeprefix(_UNREADABLE))
            return None
        return found

    def _read(self, path: Path, key: PromptKey | None = None) -> _Sound | str | None:
        """Return a verified entry; what is wrong with it, then in quarantine; None: no entry."""
        try:
            raw = read_regular(path, LONGEST_ENTRY_BYTES)
            made_from, tensors = from_bytes(raw)
            if path.name != made_from.filename() or key not in (None, made_from):
                raise SealError("it belongs to another recording or model")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except SealError as error:
            return self._put_aside(path, str(error))
        except OSError as error:
            if is_unusable(error):
                return self._put_aside(path, f"it is not an entry: {error.strerror}")
            return f"{_UNREADABLE}{error.strerror}"
        return _Sound(
            PromptEntry(made_from, path, len(tensors["speech_tokens"]), len(raw)), tensors
        )

    def _put_aside(self, path: Path, reason: str) -> str | None:
        try:
            kept = self._quarantine.move(path)
        except OSError as error:
            return f"{reason}; it cannot be moved away: {error.strerror}"
        return f"{reason}; it was moved to {kept}" if kept else None

    def _say(self, message: str, about: str) -> None:
        """Warn, unless of the same thing: a disk that is full is said once, not for every entry."""
        with self._saying:
            if about in self._said:
                return
            self._said.add(about)
        self._warn(message)
