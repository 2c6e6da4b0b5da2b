"""Which recordings a path offers, and what is said in them.

Beside `anna.wav` (flac, mp3, ogg, opus) stand `anna.txt`, what is said in it, and, if there is one,
`anna.dialect.txt`: a sentence in dialect that makes the voice speak it.
"""

import errno
import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from podtts.audio.strict_decoding import conversion_hint
from podtts.errors import AudioError, InputError, ScriptError
from podtts.storage.regular_files import read_regular
from podtts.text.characters import clean_text, decode_utf8
from podtts.text.tags import TagProblem, check_dialect_prompt, check_tags

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
FOREIGN_SUFFIXES = (
    ".m4a",
    ".aac",
    ".mp4",
    ".wma",
    ".webm",
    ".mka",
    ".aif",
    ".aiff",
    ".caf",
    ".amr",
)

# 30 s of six channels at 192 kHz in 32 bits are 132 MiB: no prompt is larger than this.
LONGEST_RECORDING_BYTES = 2**28
_LONGEST_TEXT_BYTES = 2**20  # a thousand times what can be said in 30 s


@dataclass(frozen=True)
class RecordingFile:
    """A recording on disk and the voice it is for. Nothing is checked before it is prepared."""

    path: Path
    name: str  # of the voice
    transcript: str | None = None  # None: read from NAME.txt beside the recording
    dialect_prompt: str | None = None  # None: from NAME.dialect.txt if there is one; "": none


@dataclass(frozen=True)
class RecordingTexts:
    """What is said in a recording, and the sentence in dialect for its voice, or an empty one."""

    transcript: str
    dialect_prompt: str


def find_recordings(paths: Sequence[Path]) -> list[RecordingFile]:
    """Return the recordings of folders (by name; not of folders inside, nor hidden) and files.

    Raises InputError for a path that is not there, holds no recording or is none, and for two
    recordings of one voice.
    """
    found: dict[str, RecordingFile] = {}
    for path in paths:
        for recording in _recordings_of(path):
            voice = unicodedata.normalize("NFC", recording.name)
            other = found.setdefault(voice, recording)
            if not _same_file(other.path, recording.path):
                raise InputError(
                    f"{other.path} and {recording.path} are both the voice {voice}",
                    "rename one of them, with its .txt",
                )
    return list(found.values())


def read_texts(recording: RecordingFile) -> RecordingTexts:
    """Return the texts of a recording, without white space around them.

    Raises InputError when the transcript is missing or empty, when a text is not UTF-8 or holds an
    unknown tag, and when the dialect prompt does not begin with the tag of a dialect.
    """
    path = recording.path
    beside = path.with_name(f"{path.stem}.txt")
    transcript = _text(recording.transcript, path, beside, check_tags)
    if not transcript:
        state = "no transcript" if transcript is None else "an empty transcript"
        raise AudioError(path, f"has {state}", f"write what is said in it to {beside}")
    if recording.dialect_prompt == "":
        return RecordingTexts(transcript, "")
    dialect_beside = path.with_name(f"{path.stem}.dialect.txt")
    dialect_prompt = _text(recording.dialect_prompt, path, dialect_beside, check_dialect_prompt)
    return RecordingTexts(transcript, dialect_prompt or "")


def _recordings_of(path: Path) -> list[RecordingFile]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder", "check the path")
    if not path.is_dir():
        if _ends_in(FOREIGN_SUFFIXES, path):
            raise InputError(f"{path}: {path.suffix} files are not read", conversion_hint(path))
        if not _ends_in(AUDIO_SUFFIXES, path):
            raise InputError(
                f"{path} is not a recording", f"a recording ends in {', '.join(AUDIO_SUFFIXES)}"
            )
        return [RecordingFile(path, path.stem)]
    try:
        paths = sorted(path.iterdir())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    recordings = [
        RecordingFile(file, file.stem)
        for file in paths
        if _is_offered(file) and not file.name.startswith(".") and not file.is_dir()
    ]
    if not recordings:
        raise InputError(
            f"{path}: no recordings in this folder",
            f"it needs NAME{AUDIO_SUFFIXES[0]} and NAME.txt",
        )
    return recordings


def _is_offered(path: Path) -> bool:
    """Recordings, and what is meant as one: better refused when prepared than passed over."""
    if _ends_in(FOREIGN_SUFFIXES, path):
        converted = any(path.with_suffix(suffix).exists() for suffix in AUDIO_SUFFIXES)
        return path.with_suffix(".txt").exists() and not converted
    return _ends_in(AUDIO_SUFFIXES, path)


def _ends_in(suffixes: tuple[str, ...], path: Path) -> bool:
    return path.suffix.lower() in suffixes


def _same_file(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _text(
    given: str | None, recording: Path, beside: Path, check: Callable[[str], TagProblem | None]
) -> str | None:
    """Return a text, checked and stripped: the one given, else of the file beside, else None."""
    source = str(beside) if given is None else f"text of {recording}"
    text = _read(beside) if given is None else given
    if text is None:
        return None
    text = clean_text(text, source)
    stripped = text.strip()
    found = check(stripped)
    if found:
        line = text.count("\n", 0, text.index(stripped) + found.offset) + 1
        raise ScriptError(source, line, found.problem, found.hint)
    return stripped


def _read(path: Path) -> str | None:
    try:
        return decode_utf8(read_regular(path, _LONGEST_TEXT_BYTES), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # so is the recording's own name, nearly
            return None
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
