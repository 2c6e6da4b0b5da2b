"""Finds the recordings of a folder, and reads their transcripts.

Beside `anna.wav` (flac, mp3, ogg, opus; with PyAV m4a, video and more) is its transcript `anna.txt`
and, optionally, `anna.dialect.txt`: a sentence in dialect that makes the voice speak that dialect.
"""

import errno
import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from podtts.audio.strict_decoding import has_av, without_av
from podtts.errors import AudioError, InputError, ScriptError
from podtts.prompts.selection import WHOLE, Selection
from podtts.storage.regular_files import read_regular
from podtts.text.characters import clean_text, decode_utf8
from podtts.text.tags import TagProblem, check_dialect_prompt, check_tags

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")
AV_SUFFIXES = (  # of files that need PyAV
    ".m4a",
    ".m4b",
    ".aac",
    ".mp4",
    ".mov",
    ".wma",
    ".webm",
    ".mka",
    ".mkv",
    ".aif",
    ".aiff",
    ".caf",
    ".amr",
)

TranscriptSource = Literal["written", "heard"]  # by a person, or by a recognizer

# 30 s of six channels at 192 kHz in 32 bits are 132 MiB, so every usable recording is smaller.
LONGEST_RECORDING_BYTES = 2**28
_LONGEST_TEXT_BYTES = 2**20  # a thousand times the text of 30 s


@dataclass(frozen=True)
class RecordingFile:
    """A recording on disk and the name of its voice. Nothing is checked before preparation."""

    path: Path
    name: str  # of the voice
    transcript: str | None = None  # None: read NAME.txt beside the recording
    dialect_prompt: str | None = None  # None: read NAME.dialect.txt if it exists; "": none
    consent: str = ""  # what is known of the consent of the person
    selection: Selection = WHOLE


class NoTranscriptError(AudioError):
    """A recording without a transcript, or with an empty one."""


@dataclass(frozen=True)
class RecordingTexts:
    """The transcript of a recording, and its dialect prompt, which may be empty."""

    transcript: str
    dialect_prompt: str
    transcript_source: TranscriptSource = "written"


def find_recordings(paths: Sequence[Path]) -> list[RecordingFile]:
    """Return the recordings among files and in folders (by name, without hidden and subfolders).

    Raises InputError for a path that does not exist, is not a recording or contains none, and for
    two recordings of one voice.
    """
    recordings: dict[str, RecordingFile] = {}
    for path in paths:
        for recording in _recordings_of(path):
            voice = unicodedata.normalize("NFC", recording.name)
            other = recordings.setdefault(voice, recording)
            if not _same_file(other.path, recording.path):
                raise InputError(
                    f"{other.path} and {recording.path} are both the voice {voice}",
                    "rename one of them, with its .txt",
                )
    return list(recordings.values())


def read_texts(recording: RecordingFile) -> RecordingTexts:
    """Return the texts of a recording, without white space around them.

    Raises NoTranscriptError when the transcript is missing or empty, InputError when a text is not
    UTF-8 or has an unknown tag, and when the dialect prompt does not begin with the tag of a
    dialect.
    """
    path = recording.path
    text_file = path.with_name(f"{path.stem}.txt")
    transcript = _text(recording.transcript, path, text_file, check_tags)
    if not transcript:
        state = "no transcript" if transcript is None else "an empty transcript"
        raise NoTranscriptError(
            path, f"has {state}", f"write its words to {text_file}, or let podtts prep --transcribe"
        )
    return RecordingTexts(transcript, read_dialect_prompt(recording))


def read_dialect_prompt(recording: RecordingFile) -> str:
    """Return the dialect prompt of a recording, empty for none. Raises InputError as above."""
    if recording.dialect_prompt == "":
        return ""
    path = recording.path
    dialect_file = path.with_name(f"{path.stem}.dialect.txt")
    return _text(recording.dialect_prompt, path, dialect_file, check_dialect_prompt) or ""


def _recordings_of(path: Path) -> list[RecordingFile]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder", "check the path")
    if not path.is_dir():
        if _has_suffix(AV_SUFFIXES, path) and not has_av():
            raise without_av(path, f"a {path.suffix} file")
        if not _has_suffix((*AUDIO_SUFFIXES, *AV_SUFFIXES), path):
            raise InputError(
                f"{path} is not a recording",
                f"the name of a recording ends with {', '.join((*AUDIO_SUFFIXES, *AV_SUFFIXES))}",
            )
        return [RecordingFile(path, path.stem)]
    try:
        paths = sorted(path.iterdir())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    recordings = [
        RecordingFile(file, file.stem)
        for file in paths
        if _is_recording(file) and not file.name.startswith(".") and not file.is_dir()
    ]
    if not recordings:
        raise InputError(
            f"{path}: no recordings in this folder",
            f"it needs NAME{AUDIO_SUFFIXES[0]} and NAME.txt",
        )
    return recordings


def _is_recording(path: Path) -> bool:
    """Whether a file of a folder is a recording: a video, too, if it has a transcript."""
    if _has_suffix(AV_SUFFIXES, path):
        converted = any(path.with_suffix(suffix).exists() for suffix in AUDIO_SUFFIXES)
        return path.with_suffix(".txt").exists() and not converted
    return _has_suffix(AUDIO_SUFFIXES, path)


def _has_suffix(suffixes: tuple[str, ...], path: Path) -> bool:
    return path.suffix.lower() in suffixes


def _same_file(left: Path, right: Path) -> bool:
    return os.path.realpath(left) == os.path.realpath(right)


def _text(
    text: str | None, recording: Path, file: Path, check: Callable[[str], TagProblem | None]
) -> str | None:
    """Return a text, checked and stripped; read the file when it is None; None without a file."""
    source = str(file) if text is None else f"text of {recording}"
    text = _read(file) if text is None else text
    if text is None:
        return None
    text = clean_text(text, source)
    stripped = text.strip()
    problem = check(stripped)
    if problem:
        line = text.count("\n", 0, text.index(stripped) + problem.offset) + 1
        raise ScriptError(source, line, problem.problem, problem.hint)
    return stripped


def _read(path: Path) -> str | None:
    try:
        return decode_utf8(read_regular(path, _LONGEST_TEXT_BYTES), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # the name of the recording is almost too long itself
            return None
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
