"""Prompts kept on disk: one self-describing file an entry, no index, nothing that can mislead.

An entry is found by what its tensors depend on and by nothing else, so a recording under another
name, or with a corrected transcript, is still a hit. Whatever is damaged or foreign is a miss.
"""

from __future__ import annotations

import errno
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import podtts
from podtts.errors import InputError
from podtts.prompts.atomic import write_atomically
from podtts.prompts.sealed import Array, SealError, seal, unseal
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN, SPEAKER_EMBEDDING_SIZE, TOKENS_PER_SECOND
from podtts.values import PromptFeatures

_FORMAT = "podtts-prompt-1"  # raise when an entry of the older layout cannot be read any more


@dataclass(frozen=True)
class PromptKey:
    """Everything a prompt's tensors depend on."""

    audio_sha256: str  # of the bytes of the recording's file, hexadecimal
    encoders_sha256: str  # PromptEncoders.digest
    recipe: int  # extract.RECIPE_VERSION

    def filename(self) -> str:
        """Return the entry's name, shortened to be readable; the entry holds the key in full."""
        return f"{self.audio_sha256[:16]}-{self.encoders_sha256[:8]}-r{self.recipe}.safetensors"


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


class PromptCache:
    """The folder `prompts` under a root. Safe for any number of threads and processes at once.

    It never fails a run: what goes wrong is said through `warn`, each thing once, and the caller
    goes on without the cache.
    """

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root = root
        self._prompts = root / "prompts"
        self._quarantine = root / "quarantine"
        self._warn = warn
        self._said: set[str] = set()
        self._saying = threading.Lock()

    def get(self, key: PromptKey) -> PromptFeatures | None:
        """Return the features kept under a key, in memory of their own, or None."""
        found = self._read(self._prompts / key.filename(), key)
        if not found:
            return None
        import torch  # here, so that listing the cache does not wait for it

        return PromptFeatures(**{name: torch.from_numpy(array) for name, array in found[1].items()})

    def put(self, key: PromptKey, features: PromptFeatures) -> None:
        """Keep the features under a key."""
        try:
            write_atomically(self._prompts / key.filename(), _to_bytes(key, features))
        except OSError as error:
            self._say(f"the prompt cache {self.root} cannot be written: {error.strerror}")

    def entries(self) -> list[PromptEntry]:
        """Return all sound entries, in order of their file names."""
        paths = sorted(self._prompts.glob("*.safetensors"))
        return [found[0] for found in map(self._read, paths) if found]

    def remove(self, audio_sha256: str) -> list[PromptEntry]:
        """Delete and return the entries of one recording. Raises InputError if one stays."""
        doomed = [entry for entry in self.entries() if entry.key.audio_sha256 == audio_sha256]
        for entry in doomed:
            try:
                entry.path.unlink(missing_ok=True)
            except OSError as error:
                raise InputError(f"{entry.path}: cannot be removed: {error.strerror}") from error
        return doomed

    def _read(
        self, path: Path, key: PromptKey | None = None
    ) -> tuple[PromptEntry, dict[str, Array]] | None:
        """Return a verified entry; None, and the file in quarantine, when it is anything else."""
        try:
            raw = path.read_bytes()
            made_from, tensors = _from_bytes(raw)
            if path.name != made_from.filename() or key not in (None, made_from):
                raise SealError("it was made for another recording or model")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if isinstance(error, IsADirectoryError) or error.errno == errno.ELOOP:
                self._put_aside(path, f"it is no file: {error.strerror}")
            else:  # the entry may be sound: too many open files, or another user's
                self._say(f"{path} is not used: it cannot be read: {error.strerror}")
            return None
        except SealError as error:
            self._put_aside(path, str(error))
            return None
        return PromptEntry(made_from, path, len(tensors["speech_tokens"]), len(raw)), tensors

    def _put_aside(self, path: Path, reason: str) -> None:
        kept = self._quarantine / f"{path.name}.{secrets.token_hex(4)}"
        try:
            self._quarantine.mkdir(parents=True, exist_ok=True)
            path.replace(kept)
        except FileNotFoundError:  # another thread or process was faster
            return
        except OSError as error:
            self._say(f"{path} is not used: {reason}; it cannot be moved away: {error.strerror}")
        else:
            self._say(f"{path} is not used: {reason}; it was moved to {kept}")

    def _say(self, message: str) -> None:
        with self._saying:
            if message in self._said:
                return
            self._said.add(message)
        self._warn(message)


def _to_bytes(key: PromptKey, features: PromptFeatures) -> bytes:
    """Return an entry: nothing in it differs between two preparations of the same recording."""
    return seal(
        {
            "speech_tokens": features.speech_tokens.numpy(),
            "mel": features.mel.numpy(),
            "speaker_embedding": features.speaker_embedding.numpy(),
        },
        {
            "format": _FORMAT,
            "podtts_version": podtts.__version__,
            **{name: str(value) for name, value in asdict(key).items()},
        },
    )


def _from_bytes(raw: bytes) -> tuple[PromptKey, dict[str, Array]]:
    """Return what an entry holds; raises SealError when it is not one, or not as written."""
    tensors, metadata = unseal(raw)
    if metadata.get("format") != _FORMAT:
        raise SealError(f"it is not of the format {_FORMAT}")
    layout = {name: (tensor.dtype.name, tensor.shape) for name, tensor in tensors.items()}
    tokens = tensors["speech_tokens"].size if "speech_tokens" in tensors else 0
    if layout != {
        "speech_tokens": ("int32", (tokens,)),
        "mel": ("float32", (MEL_FRAMES_PER_TOKEN * tokens, MEL_BINS)),
        "speaker_embedding": ("float32", (SPEAKER_EMBEDDING_SIZE,)),
    }:
        raise SealError("its tensors are not those of a prompt")
    try:
        key = PromptKey(
            metadata["audio_sha256"], metadata["encoders_sha256"], int(metadata["recipe"])
        )
    except (KeyError, ValueError) as error:
        raise SealError("its metadata does not name what it was made from") from error
    return key, tensors
