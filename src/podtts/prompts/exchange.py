"""A voice as one file: given to someone else, and used there without the recording."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podtts.errors import InputError, UsageError, VoiceError
from podtts.prompts.cache import PromptCache, PromptEntry
from podtts.prompts.entry import PromptKey, check_tensors, description_of, key_of
from podtts.prompts.folder import RecordingFile, read_texts
from podtts.prompts.recipe import RECIPE_VERSION
from podtts.prompts.voices import Voice, VoiceStore
from podtts.storage.atomic import write_atomically
from podtts.storage.regular_files import read_regular
from podtts.storage.sealed import Array, SealError, seal, unseal

_FORMAT = "podtts-voice-1"
_TEXTS = ("name", "transcript", "dialect_prompt")
_LONGEST_BYTES = 2**23  # 30 s are 0.5 MB, and two texts of 1 MiB each
_ASK_AGAIN = "ask for the file again: podtts cache export NAME FILE"


@dataclass(frozen=True)
class Imported:
    """A voice taken over from a file."""

    voice: Voice
    entry: PromptEntry
    replaced: bool  # a voice of that name stood there with another recording or other texts


def export_voice(name: str, voices: VoiceStore, cache: PromptCache, target: Path) -> PromptEntry:
    """Write a voice and its prompt to one file; of prompts for several models, the last one used.

    A file that is there is replaced in one step, a folder that is not is made. Raises VoiceError
    when there is no such voice or it has no prompt, UsageError when the file cannot be written.
    """
    if target.exists() and not target.is_file():  # replacing /dev/null would be a bad surprise
        raise UsageError(f"{target} is not a regular file", "choose another name")
    if (voice := voices.get(name)) is None:
        raise VoiceError(f"there is no voice {name}", "see: podtts cache ls")
    entry = _last_used(voice, cache)
    tensors = cache.find(entry.key) if entry else None
    if entry is None or tensors is None:
        raise VoiceError(
            f"voice {name} has no prompt here", "prepare its recording again: podtts prep PATH"
        )
    texts = {text: getattr(voice, text) for text in _TEXTS}
    raw = seal(tensors, {**description_of(entry.key), **texts, "format": _FORMAT})
    try:
        write_atomically(Path(os.path.realpath(target)), raw)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from error
    return entry


def import_voice(
    source: Path, voices: VoiceStore, cache: PromptCache, name: str | None = None
) -> Imported:
    """Take over a voice from a file that `export_voice` wrote, under its name or the one given.

    Raises InputError when the file is damaged, foreign, of another recipe or with texts that cannot
    be used, and when it cannot be kept; VoiceError when its name cannot name a voice.
    """
    try:
        raw = read_regular(source, _LONGEST_BYTES)
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror}", "check the path") from error
    try:
        tensors, metadata = unseal(raw)
        key = _check(tensors, metadata)
    except SealError as error:
        raise InputError(f"{source} is no voice, or a damaged one: {error}", _ASK_AGAIN) from error
    if key.recipe != RECIPE_VERSION:
        raise InputError(
            f"{source} was made by podtts {metadata['podtts_version']} in a way (recipe "
            f"{key.recipe}) that this version (recipe {RECIPE_VERSION}) does not use",
            "export it again with this version",
        )
    given = RecordingFile(
        source, name or metadata["name"], *(metadata[text] for text in _TEXTS[1:])
    )
    texts = read_texts(given)
    voice = Voice(given.name, key.audio_sha256, texts.transcript, texts.dialect_prompt)
    replaced = _replaces(voice, voices)
    try:
        entry = cache.store(key, tensors)
    except OSError as error:
        raise InputError(
            f"{cache.root}: cannot be written: {error.strerror}",
            "choose another folder with --cache-dir",
        ) from error
    voices.put(voice)  # last: a name never stands there without its prompt
    return Imported(voice, entry, replaced)


def _check(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> PromptKey:
    """Return what the prompt was made from; raises SealError when this is no exported voice."""
    if metadata.get("format") != _FORMAT:
        raise SealError(f"it is not of the format {_FORMAT}")
    key = key_of(metadata)
    expected = {"format", "podtts_version", "audio_sha256", "encoders_sha256", "recipe", *_TEXTS}
    if metadata.keys() != expected or not metadata["transcript"]:
        raise SealError("its metadata are not those of a voice")
    check_tensors(tensors)
    return key


def _last_used(voice: Voice, cache: PromptCache) -> PromptEntry | None:
    entries = [entry for entry in cache.entries() if entry.key.audio_sha256 == voice.audio_sha256]
    return max(entries, key=lambda entry: entry.used, default=None)


def _replaces(voice: Voice, voices: VoiceStore) -> bool:
    try:
        return voices.get(voice.name) not in (None, voice)
    except VoiceError:  # damaged: what comes is better
        return True
