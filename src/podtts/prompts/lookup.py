"""Where every speaker's voice comes from, told without torch: a recording, or the cache."""

from __future__ import annotations

import hashlib
import shlex
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from podtts.errors import ScriptError, VoiceError, nearest
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.entry import RECIPE_VERSION
from podtts.prompts.recording_files import (
    LONGEST_RECORDING_BYTES,
    RecordingFile,
    find_recordings,
    read_texts,
)
from podtts.prompts.voices import Voice, VoiceStore
from podtts.script.cast import CastMember
from podtts.script.model import Script
from podtts.storage.regular_files import read_regular
from podtts.storage.sealed import Array


@dataclass(frozen=True, eq=False)  # arrays have no truth value to compare
class StoredPrompt:
    """A voice that is prepared, and the tensors of its prompt."""

    voice: Voice
    tensors: Mapping[str, Array]


@dataclass(frozen=True)
class PromptLibrary:
    """A cache and the names of what is in it."""

    cache: PromptCache
    voices: VoiceStore


class VoiceSources:
    """Where the prompts of scripts come from.

    speakers: a folder of recordings; one of a voice's name wins over a prepared voice.
    bundled:  root of a cache whose voices serve where the user's own has none of that name.
    """

    def __init__(
        self,
        encoders: PromptEncoders,
        cache: PromptCache,
        voices: VoiceStore,
        speakers: Path | None = None,
        bundled: Path | None = None,
    ) -> None:
        self.encoders = encoders
        self.own = PromptLibrary(cache, voices)
        self._shelves = [self.own]
        if bundled is not None:
            self._shelves.append(PromptLibrary(cache.with_root(bundled), VoiceStore(bundled)))
        found = find_recordings([speakers]) if speakers is not None else []
        self._offered = {unicodedata.normalize("NFC", file.name): file for file in found}

    def find(self, script: Script, member: CastMember) -> RecordingFile | StoredPrompt:
        """A recording, the script's own or an offered one, with its texts; else what is stored.

        Raises ScriptError for a voice that is not prepared, with the command that prepares it, or
        that is damaged, and for a recording of the script's own that is not there; AudioError for
        one without a transcript.
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
        if (recording := self._offered.get(member.voice)) is not None:
            texts = read_texts(recording)
            return replace(
                recording, transcript=texts.transcript, dialect_prompt=texts.dialect_prompt
            )
        return self._stored(script, member)

    def is_prepared(self, recording: RecordingFile) -> bool:
        """Whether a recording's prompt is in the user's own cache; no audio is decoded."""
        try:
            raw = read_regular(recording.path, LONGEST_RECORDING_BYTES)
        except OSError:  # `prepare` says what is wrong
            return False
        return self.own.cache.find(self._key(hashlib.sha256(raw).hexdigest())) is not None

    def _stored(self, script: Script, member: CastMember) -> StoredPrompt:
        command = f"podtts prep {shlex.quote(f'{member.voice}.wav')}"
        shelf, voice = self._shelf_with(script, member)
        if voice is None:
            known = sorted({*self._offered, *self._known()})
            raise _error(
                script,
                member,
                f"no voice {member.voice!r} is prepared for {member.label}"
                f"{nearest(member.voice, known)}",
                f"run: {command}, or map the label with "
                f"--speaker {member.label}=VOICE (have: {', '.join(known) or 'none'})",
            )
        # The recording alone decides: what another shelf has made of it is the same.
        key = self._key(voice.audio_sha256)
        for one in self._shelves:
            if (tensors := one.cache.find(key)) is not None:
                return StoredPrompt(voice, tensors)
        if shelf is not self.own:
            raise _error(
                script,
                member,
                f"voice {voice.name!r} comes with podtts, but what belongs to it in "
                f"{shelf.cache.root} is damaged or gone",
                f"install podtts again, or run: {command}",
            )
        raise _error(
            script,
            member,
            f"voice {voice.name!r} is not prepared for this model",
            f"run: {command} --model MODEL, or give --speakers DIR",
        )

    def _key(self, audio_sha256: str) -> PromptKey:
        return PromptKey(audio_sha256, self.encoders.digest, RECIPE_VERSION)

    def _shelf_with(self, script: Script, member: CastMember) -> tuple[PromptLibrary, Voice | None]:
        for shelf in self._shelves:
            try:
                voice = shelf.voices.get(member.voice)
            except VoiceError as error:  # damaged, or what the script says can be no voice's name
                raise _error(script, member, error.problem, error.hint) from error
            if voice is not None:
                return shelf, voice
        return self.own, None

    def _known(self) -> Iterator[str]:
        """Names of the stored voices that can be read."""
        for shelf in self._shelves:
            yield from (voice.name for voice in shelf.voices.readable(lambda _: None))


def _error(script: Script, member: CastMember, problem: str, hint: str) -> ScriptError:
    return ScriptError(script.source, member.line, problem, hint)
