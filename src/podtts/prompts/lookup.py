"""Finds the voice of every speaker, without torch: a recording, or an entry of a cache."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from podtts.errors import ScriptError, VoiceError, nearest
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.entry import RECIPE_VERSION
from podtts.prompts.heard_transcripts import texts_heard_before
from podtts.prompts.recording_files import (
    LONGEST_RECORDING_BYTES,
    NoTranscriptError,
    RecordingFile,
    RecordingTexts,
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
    """A prepared voice, and the tensors of its prompt."""

    voice: Voice
    tensors: Mapping[str, Array]


@dataclass(frozen=True)
class PromptLibrary:
    """A cache of prompts, and the voices that have a prompt in it."""

    cache: PromptCache
    voices: VoiceStore


class VoiceSources:
    """The places that are searched for the voices of scripts.

    speakers: a folder of recordings; a recording with a voice's name wins over a prepared voice.
    bundled:  root of a cache that is searched for voices that the user's own cache lacks or has
              for another model alone. In the second case, `cache.warn` says so, once a voice.
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
        self._replaced = set[str]()  # names that `_warn_of_replacing` has named
        self._libraries = [self.own]
        if bundled is not None:
            self._libraries.append(PromptLibrary(cache.with_root(bundled), VoiceStore(bundled)))
        files = find_recordings([speakers]) if speakers is not None else []
        self._recordings = {unicodedata.normalize("NFC", file.name): file for file in files}

    def find(self, script: Script, member: CastMember) -> RecordingFile | StoredPrompt:
        """Return the recording of a speaker with its texts, or else the prepared voice.

        Raises ScriptError for a voice that is damaged or not prepared, with the command that
        prepares it, and for a recording of the script's own that does not exist; AudioError for a
        recording without a transcript. A name in another case is found if only one voice has it.
        """
        if (own := member.prompt) is not None:
            if not own.audio.is_file():
                raise _error(
                    script,
                    member,
                    f"the recording of {member.label}, {own.audio}, is not there",
                    "prompt_audio is relative to the script's folder; to use a prepared voice, "
                    f"give --speaker {member.label}=VOICE",
                )
            return RecordingFile(own.audio, member.label, own.transcript, own.dialect_prompt)
        member = self._as_spelled(member)
        if (recording := self._recordings.get(member.voice)) is not None:
            texts = self._texts(recording)
            return replace(
                recording, transcript=texts.transcript, dialect_prompt=texts.dialect_prompt
            )
        return self._stored(script, member)

    def _as_spelled(self, member: CastMember) -> CastMember:
        """Return a speaker with the name of the voice as it is stored: anna for Anna."""
        try:
            is_exact = any(library.voices.get(member.voice) for library in self._libraries)
        except VoiceError:  # `_stored` says what is wrong
            return member
        if is_exact or member.voice in self._recordings:
            return member
        names = {name for library in self._libraries for name in library.voices.names()}
        folded = member.voice.casefold()
        same = [name for name in names | {*self._recordings} if name.casefold() == folded]
        return replace(member, voice=same[0]) if len(same) == 1 else member

    @property
    def libraries(self) -> Sequence[PromptLibrary]:
        """Where prepared voices are, in the order of the search; `own` is the first."""
        return self._libraries

    def stored_prompt(self, voice: Voice) -> StoredPrompt | None:
        """Return a voice with its prompt; None if it is not prepared for these encoders."""
        key = self._key(voice.audio_sha256)
        for library in self._libraries:  # it depends on the recording alone: any cache will do
            if (tensors := library.cache.find(key)) is not None:
                return StoredPrompt(voice, tensors)
        return None

    def is_prepared(self, recording: RecordingFile) -> bool:
        """Whether the user's own cache has a recording's prompt; decodes no audio."""
        audio_sha256 = _audio_sha256(recording)
        return bool(audio_sha256) and self.own.cache.find(self._key(audio_sha256)) is not None

    def _texts(self, recording: RecordingFile) -> RecordingTexts:
        """Return the texts of a recording; a transcript that was heard is kept with the voice."""
        try:
            return read_texts(recording)
        except NoTranscriptError:
            texts = texts_heard_before(recording, _audio_sha256(recording), self.own.voices)
            if texts is None:
                raise
            return texts

    def _stored(self, script: Script, member: CastMember) -> StoredPrompt:
        command = f"podtts prep {shlex.quote(f'{member.voice}.wav')}"
        found = self._voices_of(script, member)
        for library, voice in found:
            if (stored := self.stored_prompt(voice)) is not None:
                if library is not found[0][0]:
                    self._warn_of_replacing(voice.name, command)
                return stored
        if not found:
            known = sorted({*self._recordings, *self._known()})
            raise _error(
                script,
                member,
                f"no voice {member.voice!r} is prepared for {member.label}"
                f"{nearest(member.voice, known)}",
                f"run: {command}, or map the label with "
                f"--speaker {shlex.quote(f'{member.label}=VOICE')} "
                f"(have: {', '.join(known) or 'none'}){_or_words(script, member)}",
            )
        library, voice = found[0]
        if library is not self.own:
            raise _error(
                script,
                member,
                f"voice {voice.name!r} comes with podtts, but its prompt in "
                f"{library.cache.root} is damaged or gone",
                f"install podtts again, or run: {command}",
            )
        raise _error(
            script,
            member,
            f"voice {voice.name!r} is not prepared for this model",
            f"run: {command} --model MODEL, or give --speakers DIR",
        )

    def _warn_of_replacing(self, name: str, command: str) -> None:
        if name not in self._replaced:
            self._replaced.add(name)
            self.own.cache.warn(
                f"voice {name!r} in {self.own.cache.root} is not prepared for this model: the "
                f"{name} that comes with podtts speaks instead; to use yours, run: {command}"
            )

    def _key(self, audio_sha256: str) -> PromptKey:
        return PromptKey(audio_sha256, self.encoders.digest, RECIPE_VERSION)

    def _voices_of(self, script: Script, member: CastMember) -> list[tuple[PromptLibrary, Voice]]:
        """Return the voices of a speaker's name, in the order of the search."""
        found = []
        for library in self._libraries:
            try:
                voice = library.voices.get(member.voice)
            except VoiceError as error:  # damaged, or the script's name is not a voice's name
                raise _error(script, member, error.problem, error.hint) from error
            if voice is not None:
                found.append((library, voice))
        return found

    def _known(self) -> Iterator[str]:
        """Names of the prepared voices that can be read."""
        for library in self._libraries:
            yield from (voice.name for voice in library.voices.readable(lambda _: None))


def _audio_sha256(recording: RecordingFile) -> str:
    """The digest of what is selected of a recording; empty for a file that cannot be read.

    `prepare` says why.
    """
    try:
        raw = read_regular(recording.path, LONGEST_RECORDING_BYTES)
    except OSError:
        return ""
    return recording.selection.digest(raw)


def _or_words(script: Script, member: CastMember) -> str:
    """Return what to do if a label is not a speaker but words: `Note: this`."""
    is_doubtful = member.voice == member.label and member.line > script.turns[0].line
    return f"; if line {member.line} continues the turn above, indent it" if is_doubtful else ""


def _error(script: Script, member: CastMember, problem: str, hint: str) -> ScriptError:
    return ScriptError(script.source, member.line, problem, hint)
