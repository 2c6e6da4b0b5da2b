"""Assigns voices to the speakers of a script."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from podtts.errors import UsageError, nearest
from podtts.script.model import Script, ScriptPrompt
from podtts.text.characters import excerpt


@dataclass(frozen=True)
class CastMember:
    """A speaker of a script and the name of its voice, which may not be prepared yet.

    With `prompt`, the script names a recording itself, and `voice` is the label.
    """

    label: str
    voice: str  # Unicode NFC
    prompt: ScriptPrompt | None  # only from a published JSON script
    line: int  # where the label first occurs; 0 in a script that a program made


def parse_speaker_flags(pairs: Sequence[str]) -> dict[str, str]:
    """Return label -> voice from flags `--speaker S1=alice`. Raises UsageError for a bad one."""
    voices: dict[str, str] = {}
    for pair in pairs:
        label, equals, voice = (_nfc(part) for part in pair.partition("="))
        if not (label and equals and voice):
            raise UsageError(
                f"--speaker {excerpt(pair)} is not LABEL=VOICE", "for example: --speaker S1=alice"
            )
        if label in voices:
            raise UsageError(f"--speaker names {excerpt(label)} twice", "keep one of the two")
        voices[label] = voice
    return voices


def cast_voices(script: Script, overrides: Mapping[str, str]) -> tuple[CastMember, ...]:
    """Return the cast in order of speaker numbers.

    The voice of a label comes from `overrides` (`parse_speaker_flags`), else from the script's
    header, else from the recording in the script; else it is the voice that has the label's name.
    Raises UsageError when an override names a label that the script does not have.
    """
    for label in overrides:
        if label not in script.labels:
            raise UsageError(
                f"--speaker names {excerpt(label)}, which is no speaker of {script.source}"
                f"{nearest(label, script.labels)}",
                "its speakers are " + ", ".join(excerpt(known) for known in script.labels),
            )
    return tuple(_cast_member(script, label, overrides) for label in script.labels)


def _cast_member(script: Script, label: str, overrides: Mapping[str, str]) -> CastMember:
    chosen = overrides.get(label) or script.voices.get(label)
    return CastMember(
        label=label,
        voice=_nfc(chosen or label),
        prompt=None if chosen else script.prompts.get(label),
        line=script.label_lines.get(label, 0),
    )


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
