"""The stored voices: names that scripts use, each with its recording's digest and transcript."""

import contextlib
import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from podtts.deprecation import renamed_method
from podtts.errors import VoiceError
from podtts.prompts.cache import PromptCache, PromptEntry
from podtts.prompts.recording_files import TranscriptSource
from podtts.storage.atomic import write_atomically
from podtts.storage.disk_errors import disk_error
from podtts.storage.file_names import file_name_problem
from podtts.storage.quarantine import Quarantine
from podtts.storage.regular_files import is_unusable, read_regular
from podtts.storage.sealed import SealError
from podtts.storage.sealed_texts import seal_texts, unseal_texts

# Files have these fields only where they are not as in the first version.
_LATER_FIELDS = {"transcript_source": "written", "consent": ""}
ANOTHER_CACHE = "choose another folder with --cache-dir"

_LONGEST_VOICE_BYTES = 2**22  # a transcript and a dialect prompt of 1 MiB each, escaped
_NAME_HINT = "use a short word, such as anna"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_voice_name(name: str) -> str:
    """Return the name in Unicode NFC. Raises VoiceError if it is not a valid file name."""
    name = unicodedata.normalize("NFC", name)
    problem = file_name_problem(name)
    if problem:
        shown = name if len(name) <= 40 else f"{name[:40]}…"
        raise VoiceError(f"{shown!r} cannot be the name of a voice: {problem}", _NAME_HINT)
    return name


@dataclass(frozen=True)
class Voice:
    """The name of a recording, and its transcript. Raises VoiceError for invalid values."""

    name: str  # NFC
    audio_sha256: str  # of the recording's file, hexadecimal; part of the prompt's key
    transcript: str
    dialect_prompt: str = ""  # a sentence in dialect that begins with its tag; empty for none
    transcript_source: str = "written"  # or heard, see `TranscriptSource`
    consent: str = ""  # what is known of the consent of the person; empty: nothing

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", check_voice_name(self.name))
        if not _SHA256.fullmatch(self.audio_sha256):
            raise VoiceError(f"voice {self.name}: {self.audio_sha256[:80]!r} is not a SHA-256")
        if not self.transcript:
            raise VoiceError(
                f"voice {self.name} has no transcript", "the model needs the words of the recording"
            )
        if self.transcript_source not in get_args(TranscriptSource):
            raise VoiceError(
                f"voice {self.name}: {self.transcript_source[:80]!r} is no source of a transcript"
            )


@dataclass(frozen=True)
class _Stored:
    """A voice as its file has it."""

    voice: Voice
    raw: bytes
    is_sealed: bool


class _DamagedError(VoiceError):
    """A voice's file that `put` did not write, or that has changed since."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} is damaged",
            "import the voice again, or prepare its recording again: "
            f"podtts prep PATH/{path.stem}.wav",
        )
        self.reason = reason


class VoiceStore:
    """The folder `voices` under a root: one JSON file per voice, sealed and replaced in one step.

    Version 0.1.0 wrote these files without a seal. They are read, and sealed when they are used.
    A new format of these files needs another folder, because other versions of podtts may share
    the root.
    """

    def __init__(self, root: Path) -> None:
        self._voices = root / "voices"
        self._quarantine = Quarantine(root)

    def get(self, name: str) -> Voice | None:
        """Return a voice, or None when there is none. Raises VoiceError if it is not readable."""
        path = self._path(name)
        stored = self._read(path)
        if stored and not stored.is_sealed:
            self._seal(path, stored)
        return stored.voice if stored else None

    def heard(self, name: str, audio_sha256: str) -> Voice | None:
        """Return a voice if a recognizer has written down the words of this very recording.

        Raises VoiceError if it is not readable.
        """
        voice = self.get(name)
        if voice and (voice.audio_sha256, voice.transcript_source) == (audio_sha256, "heard"):
            return voice
        return None

    def put(self, voice: Voice) -> None:
        """Store a voice; replaces any other of its name. Raises DiskError if that fails."""
        path = self._path(voice.name)
        try:
            write_atomically(path, _to_bytes(voice))
        except OSError as error:
            raise disk_error(path, error, ANOTHER_CACHE) from error

    def remove(self, name: str) -> None:
        """Delete a voice, damaged or not. Raises VoiceError if it is missing or remains."""
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            raise VoiceError(f"there is no voice {name}", "see: podtts cache ls") from None
        except OSError as error:
            raise VoiceError(f"{path}: cannot be removed: {error.strerror}") from error

    def names(self) -> tuple[str, ...]:
        """Return the names of all voices, of damaged ones too, without reading them."""
        return tuple(path.stem for path in self._paths())

    def list(self) -> tuple[Voice, ...]:
        """Return all voices in order of their names. Raises VoiceError for a damaged one."""
        found = (self._read(path) for path in self._paths())
        return tuple(stored.voice for stored in found if stored)

    sound = renamed_method("VoiceStore.sound", "readable")

    def readable(self, on_error: Callable[[VoiceError], None]) -> Iterator[Voice]:
        """Yield the readable voices in order of their names; call `on_error` for the others."""
        for path in self._paths():
            try:
                stored = self._read(path)
            except VoiceError as error:
                on_error(error)
            else:
                if stored:
                    yield stored.voice

    def seal_older(self) -> Iterator[Path]:
        """Seal the readable voices that have no seal, and yield the path of each."""
        for path in self._paths():
            with contextlib.suppress(VoiceError):
                stored = self._read(path)
                if stored and not stored.is_sealed and self._seal(path, stored):
                    yield path

    def verify(self) -> Iterator[tuple[Path, str | None]]:
        """Check every voice; yield its path and its problem, None for no problem.

        Moves damaged voices to quarantine.
        """
        for path in self._paths():
            try:
                self._read(path)
            except _DamagedError as error:
                yield path, self._quarantine.move_damaged(path, error.reason) or error.reason
            except VoiceError as error:
                yield path, error.problem.removeprefix(f"{path}: ")
            else:
                yield path, None

    def _seal(self, path: Path, stored: _Stored) -> bool:
        """Seal a voice unless it was replaced since it was read; return whether that worked."""
        with contextlib.suppress(OSError):  # the cache may be read-only or full
            if read_regular(path, _LONGEST_VOICE_BYTES) == stored.raw:
                write_atomically(path, _to_bytes(stored.voice))
                return True
        return False

    def _read(self, path: Path) -> _Stored | None:
        try:
            return _from_bytes(read_regular(path, _LONGEST_VOICE_BYTES), path.stem)
        except FileNotFoundError:
            return None
        except OSError as error:
            if not is_unusable(error):
                raise VoiceError(f"{path}: cannot be read: {error.strerror}") from error
            raise _DamagedError(path, f"it is not a voice: {error.strerror}") from error
        except (SealError, VoiceError) as error:
            raise _DamagedError(path, str(error)) from error

    def _paths(self) -> tuple[Path, ...]:
        names = {
            unicodedata.normalize("NFC", path.name) for path in self._voices.glob("[!.]*.json")
        }
        return tuple(self._voices / name for name in sorted(names))

    def _path(self, name: str) -> Path:
        return self._voices / f"{check_voice_name(name)}.json"


def _to_bytes(voice: Voice) -> bytes:
    texts = dataclasses.asdict(voice)
    return seal_texts(
        {name: text for name, text in texts.items() if text != _LATER_FIELDS.get(name)}
    )


def _from_bytes(raw: bytes, name: str) -> _Stored:
    """Return the voice `name` from bytes that `put` wrote. Raises SealError or VoiceError."""
    fields, is_sealed = unseal_texts(raw)
    known = {field.name for field in dataclasses.fields(Voice)}
    if not known.difference(_LATER_FIELDS) <= fields.keys() <= known:
        raise SealError("it does not have the fields of a voice")
    if fields["name"] != name:
        raise SealError("it is the voice of another file")
    return _Stored(Voice(**fields), raw, is_sealed)


def forget_voice(name: str, voices: VoiceStore, cache: PromptCache) -> list[PromptEntry]:
    """Delete a voice and its prompts, unless another voice has the same recording.

    Returns the deleted prompts. The prompts of a damaged voice stay, because its recording is not
    known. Raises VoiceError when there is no such voice, or when another damaged voice may need the
    prompts.
    """
    try:
        voice = voices.get(name)
    except VoiceError:
        voice = None
    needed = {other.audio_sha256 for other in voices.list() if other != voice} if voice else set()
    voices.remove(name)
    return cache.remove(voice.audio_sha256) if voice and voice.audio_sha256 not in needed else []
