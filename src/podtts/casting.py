"""From a script's cast to its prompts: where every speaker's voice comes from, and its features."""

from __future__ import annotations

import contextlib
import shlex
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from podtts.errors import ScriptError, VoiceError, nearest
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.extract import RECIPE_VERSION
from podtts.prompts.folder import RecordingFile, find_recordings, read_texts
from podtts.prompts.prepare import prepare
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
    sources = VoiceSources.open(encoders, cache, voices, speakers, bundled=bundled)
    return sources.gather(script, overrides)


@dataclass(frozen=True)
class _Shelf:
    """A cache and the names of what is in it."""

    cache: PromptCache
    voices: VoiceStore


@dataclass(frozen=True)
class VoiceSources:
    """Where the prompts of any number of scripts come from; see `gather_prompts`."""

    offered: Mapping[str, RecordingFile]  # by voice, from --speakers
    encoders: PromptEncoders
    shelves: Sequence[_Shelf]  # the user's own first
    _preparing: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(
        cls,
        encoders: PromptEncoders,
        cache: PromptCache,
        voices: VoiceStore,
        speakers: Path | None = None,
        *,
        bundled: Path | None = None,
    ) -> VoiceSources:
        """Look into the folder of recordings; all else is looked at when it is asked for."""
        offered = {}
        if speakers is not None:
            found = find_recordings([speakers])
            offered = {unicodedata.normalize("NFC", file.name): file for file in found}
        shelves = [_Shelf(cache, voices)]
        if bundled is not None:
            shelves.append(_Shelf(PromptCache(bundled, lambda _: None), VoiceStore(bundled)))
        return cls(offered, encoders, shelves)

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
        """A recording, the script's own or an offered one, with its texts; else what is stored.

        Raises ScriptError and AudioError as `gather_prompts` does.
        """
        if (own := member.prompt) is not None:
            if not own.audio.is_file():
                raise _error(
                    script,
                    member,
                    f"the recording of {member.label}, {own.audio}, is not there",
                    "prompt_audio is relative to the script's folder",
                )
            return RecordingFile(own.audio, member.label, own.transcript, own.dialect_prompt)
        if (recording := self.offered.get(member.voice)) is not None:
            texts = read_texts(recording)
            return replace(
                recording, transcript=texts.transcript, dialect_prompt=texts.dialect_prompt
            )
        return self._stored(script, member)

    def prepare(self, member: CastMember, recording: RecordingFile) -> CastPrompt:
        """Compute what is known of a recording, unless the cache has it. Raises InputError.

        Of several threads one prepares at a time: what one has computed the others find.
        """
        own = self.shelves[0]
        with self._preparing:
            prepared = prepare(recording, self.encoders, own.cache)
        # A script's own recording belongs to that script: its label names no voice for others.
        if member.prompt is None:
            with contextlib.suppress(VoiceError):  # spoken all the same
                if own.voices.get(member.voice) is None:
                    own.voices.put(prepared.voice)
        return _cast(member, prepared.voice, prepared.features, prepared.cached)

    def _stored(self, script: Script, member: CastMember) -> CastPrompt:
        command = f"podtts prep {shlex.quote(f'{member.voice}.wav')}"
        shelf, voice = self._shelf_with(script, member)
        if voice is None:
            known = sorted({*self.offered, *self._known()})
            raise _error(
                script,
                member,
                f"no voice {member.voice!r} is prepared for {member.label}"
                f"{nearest(member.voice, known)}",
                f"run: {command}, or map the label with "
                f"--speaker {member.label}=VOICE (have: {', '.join(known) or 'none'})",
            )
        key = PromptKey(voice.audio_sha256, self.encoders.digest, RECIPE_VERSION)
        if (features := shelf.cache.get(key)) is None:
            raise _error(
                script,
                member,
                f"voice {voice.name!r} is not prepared for this model",
                f"run: {command} --model MODEL, or give --speakers DIR",
            )
        return _cast(member, voice, features, cached=True)

    def _shelf_with(self, script: Script, member: CastMember) -> tuple[_Shelf, Voice | None]:
        for shelf in self.shelves:
            try:
                voice = shelf.voices.get(member.voice)
            except VoiceError as error:  # damaged, or what the script says can be no voice's name
                raise _error(script, member, error.problem, error.hint) from error
            if voice is not None:
                return shelf, voice
        return self.shelves[0], None

    def _known(self) -> Iterator[str]:
        """Names of the stored voices that can be read."""
        for shelf in self.shelves:
            yield from (voice.name for voice in shelf.voices.sound(lambda _: None))


def _error(script: Script, member: CastMember, problem: str, hint: str) -> ScriptError:
    return ScriptError(script.source, member.line, problem, hint)


def _cast(member: CastMember, voice: Voice, features: PromptFeatures, cached: bool) -> CastPrompt:
    prompt = SpeakerPrompt(voice.name, features, voice.transcript, voice.dialect_prompt)
    return CastPrompt(member.label, prompt, cached)
