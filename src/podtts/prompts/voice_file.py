"""Exports a voice to one file, and imports it elsewhere without its recording."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podtts.errors import InputError, UsageError, VoiceError
from podtts.prompts.cache import PromptCache, PromptEntry
from podtts.prompts.entry import (
    RECIPE_VERSION,
    PromptKey,
    check_tensors,
    description_of,
    key_of,
)
from podtts.prompts.recording_files import RecordingFile, read_texts
from podtts.prompts.voices import ANOTHER_CACHE, Voice, VoiceStore
from podtts.storage.atomic import write_atomically
from podtts.storage.disk_errors import disk_error
from podtts.storage.permissions import check_replaceable
from podtts.storage.regular_files import read_regular
from podtts.storage.sealed import Array, SealError, seal, unseal

_FORMAT = "podtts-voice-1"
_TEXTS = ("name", "transcript", "dialect_prompt")
_SOURCE = "transcript_source"  # only where a recognizer wrote the transcript
_CONSENT = "consent"  # only where something is known
_LONGEST_BYTES = 2**23  # 30 s are 0.5 MB, and two texts of 1 MiB each
_ASK_AGAIN = "ask for the file again: podtts cache export NAME FILE"


@dataclass(frozen=True)
class Imported:
    """An imported voice."""

    voice: Voice
    entry: PromptEntry
    replaced: bool  # it replaced a voice of that name with another recording or other texts


def export_voice(name: str, voices: VoiceStore, cache: PromptCache, target: Path) -> PromptEntry:
    """Write a voice and its most recently used prompt to one file.

    Replaces an existing file in one step, and creates the folder if needed. Raises VoiceError when
    there is no such voice or it has no prompt, UsageError for what is not a file, DiskError when
    the file cannot be written.
    """
    if target.exists() and not target.is_file():  # for example, never replace /dev/null
        raise UsageError(f"{target} is not a regular file", "choose another name")
    if (voice := voices.get(name)) is None:
        raise VoiceError(f"there is no voice {name}", "see: podtts cache ls")
    entry = _last_used(voice, cache)
    tensors = cache.find(entry.key) if entry else None
    if entry is None or tensors is None:
        raise VoiceError(
            f"voice {name} has no prompt in the cache",
            "prepare its recording again: podtts prep PATH",
        )
    texts = {text: getattr(voice, text) for text in _TEXTS}
    if voice.transcript_source != "written":
        texts[_SOURCE] = voice.transcript_source
    if voice.consent:
        texts[_CONSENT] = voice.consent
    raw = seal(tensors, {**description_of(entry.key), **texts, "format": _FORMAT})
    try:
        check_replaceable(target)
        write_atomically(Path(os.path.realpath(target)), raw)
    except OSError as error:
        raise disk_error(target, error, "choose another file") from error
    return entry


def import_voice(
    source: Path, voices: VoiceStore, cache: PromptCache, name: str | None = None
) -> Imported:
    """Import a voice from a file of `export_voice`, under its own name or another one.

    Raises InputError when the file is damaged, foreign, of another recipe or has invalid texts;
    VoiceError when the name is not valid; DiskError when the voice cannot be stored.
    """
    try:
        raw = read_regular(source, _LONGEST_BYTES)
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}", "check the path") from error
    try:
        tensors, metadata = unseal(raw)
        key = _check(tensors, metadata)
    except SealError as error:
        raise InputError(
            f"{source} is not a voice file, or it is damaged: {error}", _ASK_AGAIN
        ) from error
    if key.recipe != RECIPE_VERSION:
        raise InputError(
            f"{source} was exported by podtts {metadata['podtts_version']} with recipe "
            f"{key.recipe}, but this version needs recipe {RECIPE_VERSION}",
            "export it again with this version",
        )
    recording = RecordingFile(
        source, name or metadata["name"], metadata["transcript"], metadata["dialect_prompt"]
    )
    texts = read_texts(recording)
    voice = Voice(
        recording.name,
        key.audio_sha256,
        texts.transcript,
        texts.dialect_prompt,
        metadata.get(_SOURCE, "written"),
        metadata.get(_CONSENT, ""),
    )
    replaced = _replaces(voice, voices)
    try:
        entry = cache.store(key, tensors)
    except OSError as error:
        raise disk_error(cache.root, error, ANOTHER_CACHE) from error
    voices.put(voice)  # last, so that no voice is stored without its prompt
    return Imported(voice, entry, replaced)


def _check(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> PromptKey:
    """Return the key of the prompt. Raises SealError when the file is not an exported voice."""
    if metadata.get("format") != _FORMAT:
        raise SealError(f"it is not of the format {_FORMAT}")
    key = key_of(metadata)
    expected = {"format", "podtts_version", "audio_sha256", "encoders_sha256", "recipe", *_TEXTS}
    if metadata.keys() - {_SOURCE, _CONSENT} != expected or not metadata["transcript"]:
        raise SealError("its metadata are not those of a voice")
    check_tensors(tensors)
    return key


def _last_used(voice: Voice, cache: PromptCache) -> PromptEntry | None:
    entries = [entry for entry in cache.entries() if entry.key.audio_sha256 == voice.audio_sha256]
    return max(entries, key=lambda entry: entry.used, default=None)


def _replaces(voice: Voice, voices: VoiceStore) -> bool:
    try:
        return voices.get(voice.name) not in (None, voice)
    except VoiceError:  # damaged
        return True
