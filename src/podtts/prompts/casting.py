"""From a script's cast to its prompts: where every speaker's voice comes from, and its features."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podtts.errors import VoiceError
from podtts.prompts.cache import PromptCache
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.entry import features_of
from podtts.prompts.lookup import StoredPrompt, VoiceSources
from podtts.prompts.prepare import prepare
from podtts.prompts.recording_files import RecordingFile
from podtts.prompts.voices import Voice, VoiceStore
from podtts.script.cast import CastMember, cast_voices
from podtts.script.model import Script
from podtts.values import PromptFeatures, SpeakerPrompt


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
    *,
    bundled: Path | None = None,
) -> list[CastPrompt]:
    """Return the prompts of a script's speakers, in the order of their numbers.

    overrides: label to voice, before what the script says (`parse_speaker_flags`).
    speakers:  a folder of recordings; one of a voice's name wins over a prepared voice, is prepared
               on the spot if it was not, and gives the voice its name if none had it.
    bundled:   root of a cache whose voices serve where the user's own has none of that name.
    Raises ScriptError for a voice that is not prepared, with the command that prepares it, or that
    is damaged, and for a recording of the script's own that is not there; AudioError for one
    without a transcript. All of these come before anything is computed.
    """
    return VoiceCasting(VoiceSources(encoders, cache, voices, speakers, bundled)).gather(
        script, overrides
    )


class VoiceCasting:
    """Makes the prompts of any number of scripts; see `gather_prompts`."""

    def __init__(self, sources: VoiceSources) -> None:
        self._sources = sources
        self._preparing = threading.Lock()

    def gather(self, script: Script, overrides: Mapping[str, str]) -> list[CastPrompt]:
        """The prompts of a script's speakers, in the order of their numbers.

        Raises as `gather_prompts` does, before anything is computed.
        """
        found_for = [
            (member, self.find(script, member)) for member in cast_voices(script, overrides)
        ]
        return [
            source if isinstance(source, CastPrompt) else self.prepare(member, source)
            for member, source in found_for
        ]

    def find(self, script: Script, member: CastMember) -> RecordingFile | CastPrompt:
        """What is stored of a voice, or the recording it is to be made from.

        Raises ScriptError and AudioError as `gather_prompts` does.
        """
        source = self._sources.find(script, member)
        if isinstance(source, StoredPrompt):
            return _cast(member, source.voice, features_of(source.tensors), cached=True)
        return source

    def prepare(self, member: CastMember, recording: RecordingFile) -> CastPrompt:
        """Compute what is known of a recording, unless the cache has it. Raises InputError.

        Of several threads one prepares at a time: what one has computed the others find.
        """
        own = self._sources.own
        with self._preparing:
            prepared = prepare(recording, self._sources.encoders, own.cache)
        # A script's own recording belongs to that script: its label names no voice for others.
        if member.prompt is None:
            with contextlib.suppress(VoiceError):  # spoken all the same
                if own.voices.get(member.voice) is None:
                    own.voices.put(prepared.voice)
        return _cast(member, prepared.voice, prepared.features, prepared.cached)


def _cast(member: CastMember, voice: Voice, features: PromptFeatures, cached: bool) -> CastPrompt:
    prompt = SpeakerPrompt(voice.name, features, voice.transcript, voice.dialect_prompt)
    return CastPrompt(member.label, prompt, cached)
