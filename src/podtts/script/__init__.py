"""Text in: dialogue scripts, their tags and their normalisation."""

from podtts.script.cast import CastMember, cast_voices, parse_speaker_flags
from podtts.script.model import Script, ScriptPrompt
from podtts.script.parse import parse_script
from podtts.script.read import decode_script, read_script
from podtts.text.normalize import normalize_text

__all__ = [
    "CastMember",
    "Script",
    "ScriptPrompt",
    "cast_voices",
    "decode_script",
    "normalize_text",
    "parse_script",
    "parse_speaker_flags",
    "read_script",
]
