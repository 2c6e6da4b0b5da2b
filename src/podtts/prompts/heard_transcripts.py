"""Transcripts that a recognizer writes down, and what it says of those that people wrote."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from podtts.ears.comparison import compare
from podtts.errors import AudioError, VoiceError
from podtts.prompts.recording_files import RecordingFile, RecordingTexts, read_dialect_prompt
from podtts.prompts.voices import VoiceStore
from podtts.text.characters import excerpt

if TYPE_CHECKING:  # `podtts check` looks for transcripts without torch
    from podtts.audio.io import Recording
    from podtts.ears.recognizer import Recognizer

# Recognizers get few words of a clear recording wrong; a transcript with more has other words.
_LIMIT = 0.15
_SHOWN_CHARACTERS = 300  # of a text in a warning


def texts_heard_before(
    recording: RecordingFile, audio_sha256: str, voices: VoiceStore
) -> RecordingTexts | None:
    """Return the texts of a recording whose words were heard before; None: they were not.

    Raises InputError for an unreadable dialect prompt.
    """
    voice = None
    with suppress(VoiceError):  # damaged: it has to be heard again
        voice = voices.heard(recording.name, audio_sha256)
    if voice is None:
        return None
    return RecordingTexts(voice.transcript, read_dialect_prompt(recording), "heard")


def hear_texts(
    recording: RecordingFile, decoded: Recording, recognizer: Recognizer
) -> RecordingTexts:
    """Write down the words of a recording.

    Raises AudioError if there are none, InputError for an unreadable dialect prompt, ModelError.
    """
    heard = " ".join(recognizer.transcribe(decoded.wave, decoded.rate_hz).split())
    if not heard:
        raise AudioError(
            recording.path,
            "has no transcript, and no words are heard in it",
            f"write its words to {recording.path.with_name(f'{recording.path.stem}.txt')}",
        )
    return RecordingTexts(heard, read_dialect_prompt(recording), "heard")


def differences(transcript: str, decoded: Recording, recognizer: Recognizer) -> tuple[str, ...]:
    """Return a message if other words are heard in a recording than its transcript has."""
    heard = recognizer.transcribe(decoded.wave, decoded.rate_hz)
    if compare(transcript, heard).error <= _LIMIT:
        return ()
    said, written = (excerpt(text, _SHOWN_CHARACTERS) for text in (heard or "nothing", transcript))
    return (f"“{said}” is heard in it, but its transcript is “{written}”: write what is said",)
