"""From a script's cast to its prompts: where every speaker's voice comes from, and its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podtts.errors import ScriptError, nearest
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.extract import RECIPE_VERSION
from podtts.prompts.folder import RecordingFile, find_recordings
from podtts.prompts.prepare import prepare
from podtts.prompts.voices import Voice, VoiceStore, check_voice_name
from podtts.script.cast import CastMember, cast_voices
from podtts.script.model import Script
from podtts.values import SpeakerPrompt


@dataclass(frozen=True, eq=False)
class CastPrompt:
    """A speaker ready to speak, and whether that took any work."""

    label: str
    prompt: SpeakerPrompt
    cached: bool


def gather_prompts(
    script: Script,
    overrides: Mapping[str, str],
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore,
    speakers: Path | None = None,
) -> list[CastPrompt]:
    """Return the prompts of a script's speakers, in the order of their numbers.

    overrides: label to voice, before what the script says (`parse_speaker_flags`).
    speakers:  a folder of recordings; one of a voice's name wins over a prepared voice, is prepared
               on the spot if it was not, and gives the voice its name if none had it.
    Raises ScriptError for a voice that is not prepared, with the command that prepares it; every
    voice is looked up before any is computed.
    """
    offered = {}
    if speakers is not None:
        offered = {check_voice_name(file.name): file for file in find_recordings([speakers])}
    cast = cast_voices(script, overrides)
    sources = [_source(script, member, offered, voices) for member in cast]
    return [
        _prompt(script, member, source, encoders, cache, voices)
        for member, source in zip(cast, sources, strict=True)
    ]


def _source(
    script: Script,
    member: CastMember,
    offered: Mapping[str, RecordingFile],
    voices: VoiceStore,
) -> RecordingFile | Voice:
    """Where a speaker's voice comes from: the script's own recording, the folder, or the store."""
    if (own := member.prompt) is not None:
        return RecordingFile(own.audio, member.label, own.transcript, own.dialect_prompt)
    if (recording := offered.get(member.voice)) is not None:
        return recording
    if (voice := voices.get(member.voice)) is not None:
        return voice
    known = sorted({*offered, *(voice.name for voice in voices.list())})
    raise ScriptError(
        script.source,
        member.line,
        f"no voice {member.voice!r} is prepared for {member.label}{nearest(member.voice, known)}",
        f"run: podtts prep {member.voice}.wav, or map the label with "
        f"--speaker {member.label}=VOICE (have: {', '.join(known) or 'none'})",
    )


def _prompt(
    script: Script,
    member: CastMember,
    source: RecordingFile | Voice,
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore,
) -> CastPrompt:
    if isinstance(source, Voice):
        voice, cached = source, True
        key = PromptKey(voice.audio_sha256, encoders.digest, RECIPE_VERSION)
        features = cache.get(key)
        if features is None:
            raise ScriptError(
                script.source,
                member.line,
                f"voice {voice.name!r} is not prepared for this model",
                f"run: podtts prep {voice.name}.wav --model MODEL, or give --speakers DIR",
            )
    else:
        # A script's own recording belongs to that script: its label names no voice for others.
        keep = member.prompt is None and voices.get(member.voice) is None
        prepared = prepare(source, encoders, cache, voices if keep else None)
        voice, features, cached = prepared.voice, prepared.features, prepared.cached
    prompt = SpeakerPrompt(voice.name, features, voice.transcript, voice.dialect_prompt)
    return CastPrompt(member.label, prompt, cached)
