"""Who speaks whom: the labels of a script -> voices."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from podtts.errors import UsageError, nearest
from podtts.script.model import Script, ScriptPrompt
from podtts.text.characters import excerpt


@dataclass(frozen=True)
class CastMember:
    """One speaker of a script and the voice to be used; whether it is prepared is not known here.

    With `prompt`, the script brings the recording itself and `voice` is the label.
    """

    label: str
    voice: str  # Unicode NFC
    prompt: ScriptPrompt | None  # only from a published JSON script
    line: int  # where the label is first named; 0 when made by a program


def parse_speaker_flags(pairs: Sequence[str]) -> dict[str, str]:
    """Return label -> voice of the flags `--speaker S1=alice`; raise UsageError for a bad one."""
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

    A label's voice is that of `overrides` (from `parse_speaker_flags`), else of the script's
    header, else the recording in the script, else the voice of the label's own name.
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
