"""From a script's cast to its prompts: finds every speaker's voice, and its features."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podtts.errors import DiskError, VoiceError
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
    """A speaker with a prompt, and whether a cache had the prompt."""

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

    overrides: label to voice, before the script's own voices (`parse_speaker_flags`).
    speakers:  a folder of recordings. A recording with a voice's name wins over a prepared voice.
               It is prepared if it was not, and stored under that name if no voice has the name.
    bundled:   root of a cache that is searched for names that the user's own cache lacks.
    Raises ScriptError for a voice that is damaged or not prepared, with the command that prepares
    it, and for a recording of the script's own that does not exist; AudioError for a recording
    without a transcript. All errors are raised before anything is computed.
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
        sources = [(member, self.find(script, member)) for member in cast_voices(script, overrides)]
        return [
            source if isinstance(source, CastPrompt) else self.prepare(member, source)
            for member, source in sources
        ]

    def find(self, script: Script, member: CastMember) -> RecordingFile | CastPrompt:
        """Return the prompt of a prepared voice, or the recording it has to be computed from.

        Raises ScriptError and AudioError as `gather_prompts` does.
        """
        source = self._sources.find(script, member)
        if isinstance(source, StoredPrompt):
            return _cast(member, source.voice, features_of(source.tensors), cached=True)
        return source

    def prepare(self, member: CastMember, recording: RecordingFile) -> CastPrompt:
        """Compute the prompt of a recording, unless the cache has it. Raises InputError.

        One thread prepares at a time, so that the others find the prompt in the cache.
        """
        own = self._sources.own
        with self._preparing:
            prepared = prepare(recording, self._sources.encoders, own.cache)
        # A script's own recording belongs to that script: its label names no voice for others.
        if member.prompt is None:
            try:
                if own.voices.get(member.voice) is None:
                    own.voices.put(prepared.voice)
            except VoiceError:  # another one of that name is damaged, and stays for inspection
                pass
            except DiskError as error:
                if isinstance(error.__cause__, OSError):
                    own.cache.warn_unwritable(error.__cause__)
        return _cast(member, prepared.voice, prepared.features, prepared.cached)


def _cast(member: CastMember, voice: Voice, features: PromptFeatures, cached: bool) -> CastPrompt:
    prompt = SpeakerPrompt(voice.name, features, voice.transcript, voice.dialect_prompt)
    return CastPrompt(member.label, prompt, cached)
