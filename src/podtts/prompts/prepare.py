"""Prepares voices: computes the prompt of each recording once, and stores it in the cache."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from podtts.audio.decoder import AudioDecoder
from podtts.audio.recording_problems import find_recording_problems
from podtts.audio.strict_decoding import TooLongError, check_header
from podtts.device.cancellation import (
    Cancellation,
    calling_if_cancelled,
    cancelled_by,
    raise_if_cancelled,
)
from podtts.errors import AudioError, DiskError, InputError, VoiceError
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.entry import RECIPE_VERSION, tensors_of
from podtts.prompts.extract import extract_prompt
from podtts.prompts.recording_files import LONGEST_RECORDING_BYTES, RecordingFile, read_texts
from podtts.prompts.selected_recording import decode_selection
from podtts.prompts.voices import ANOTHER_CACHE, Voice, VoiceStore, check_voice_name
from podtts.storage.disk_errors import disk_error
from podtts.storage.permissions import check_folder_writable
from podtts.storage.regular_files import read_regular
from podtts.values import PromptFeatures

# The header of a larger file is checked before the file is read. An hour of speech is at least
# 57 MB, and 30 s are usually less than 9 MB.
_LARGE_BYTES = 2**24


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class Prepared:
    """A prepared recording."""

    path: Path
    voice: Voice
    features: PromptFeatures
    cached: bool  # from the cache: no audio was decoded and no encoder was loaded
    replaced: bool  # it replaced a voice of that name with another recording or other texts
    seconds_of_work: float
    warnings: tuple[str, ...] = ()  # problems of the recording; empty when cached
    notes: tuple[str, ...] = ()  # what of the recording was used; empty when cached, and for all


@dataclass(frozen=True)
class Failed:
    """A recording that cannot be used, or whose voice cannot be stored, and the reason."""

    path: Path
    error: InputError | DiskError


def prepare(
    recording: RecordingFile,
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore | None = None,
    decoder: AudioDecoder | None = None,
) -> Prepared:
    """Return the voice and the features of a recording, from the cache if possible.

    Stores computed features in the cache, and the voice under its name in `voices`.
    voices:  None to use the voice once: then a cache that cannot be written is only warned of.
    decoder: the process that decodes audio; None starts one if needed.
    Raises InputError when the recording, its texts or its name are not usable; DiskError when the
    voice cannot be stored; ModelError when an encoder fails; UsageError when torchaudio cannot be
    loaded; Cancelled.
    """
    if decoder is None:
        with AudioDecoder() as own:
            return prepare(recording, encoders, cache, voices, own)
    with calling_if_cancelled(decoder.stop):
        try:
            return _prepare(recording, encoders, cache, voices, decoder)
        except InputError:  # a recording that is not decoded any more is no bad one
            raise_if_cancelled()
            raise


def _prepare(
    recording: RecordingFile,
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore | None,
    decoder: AudioDecoder,
) -> Prepared:
    started = time.perf_counter()
    name = check_voice_name(recording.name)
    texts = read_texts(recording)
    raw = _read(recording, decoder)
    voice = Voice(
        name,
        recording.selection.digest(raw),
        texts.transcript,
        texts.dialect_prompt,
        recording.consent,
    )
    if voices is not None:
        voice = _with_known_consent(voice, voices)

    key = PromptKey(voice.audio_sha256, encoders.digest, RECIPE_VERSION)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    features = cached = cache.get(key)
    if features is None:
        if voices is not None:
            _check_cache(cache, voice)
        raise_if_cancelled()
        selected = decode_selection(raw, str(recording.path), recording.selection, decoder)
        features = extract_prompt(selected.recording, encoders)
        warnings, notes = find_recording_problems(selected.recording), selected.notes
        if voices is None:
            cache.put(key, features)
        else:
            _keep(cache, key, features, voice)

    replaced = _store(voice, voices) if voices else False
    seconds_of_work = time.perf_counter() - started
    return Prepared(
        recording.path,
        voice,
        features,
        cached is not None,
        replaced,
        seconds_of_work,
        warnings,
        notes,
    )


def prepare_all(
    recordings: Sequence[RecordingFile],
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore | None = None,
    workers: int = 1,
) -> Iterator[Prepared | Failed]:
    """Prepare recordings in parallel and yield the results in the same order.

    A recording that fails, or cannot be stored, does not affect the others; a model that fails ends
    all (ModelError).
    When the caller stops early, what is in work is ended, and the rest is skipped.
    """
    cancellation = Cancellation()

    def attempt(recording: RecordingFile) -> Prepared | Failed:
        with cancelled_by(cancellation):
            return _attempt(recording, encoders, cache, voices, decoder)

    with (
        AudioDecoder() as decoder,
        ThreadPoolExecutor(workers, thread_name_prefix="prepare") as pool,
    ):
        results = deque(pool.submit(attempt, recording) for recording in recordings)
        try:
            while results:  # removed before it is yielded, to free the features early
                yield results.popleft().result()
        finally:
            cancellation.cancel()
            for future in results:
                future.cancel()


def _attempt(
    recording: RecordingFile,
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore | None,
    decoder: AudioDecoder,
) -> Prepared | Failed:
    try:
        return prepare(recording, encoders, cache, voices, decoder)
    except (InputError, DiskError) as error:
        return Failed(recording.path, error)


def _read(recording: RecordingFile, decoder: AudioDecoder) -> bytes:
    """Return the bytes of a recording. Refuses one that is no audio without reading it."""
    path = recording.path
    try:
        if (size := path.stat().st_size) > _LARGE_BYTES:
            try:
                check_header(path, decoder)
            except TooLongError:
                if size > LONGEST_RECORDING_BYTES:
                    raise  # else a part of it may be wanted, or its best stretch proposed
        return read_regular(path, LONGEST_RECORDING_BYTES)
    except IsADirectoryError:
        raise AudioError(path, "is a folder", "name a recording") from None
    except OSError as error:
        raise AudioError(path, f"cannot be read: {error.strerror}", "check the path") from error


def _check_cache(cache: PromptCache, voice: Voice) -> None:
    """Raise DiskError for a folder that is read-only, before the prompt is computed."""
    try:
        check_folder_writable(cache.root)
    except OSError as error:
        raise _not_stored(voice, disk_error(cache.root, error, ANOTHER_CACHE)) from error


def _keep(cache: PromptCache, key: PromptKey, features: PromptFeatures, voice: Voice) -> None:
    """Store the prompt of a voice. Raises DiskError."""
    try:
        cache.store(key, tensors_of(features))
    except OSError as error:
        raise _not_stored(voice, disk_error(cache.root, error, ANOTHER_CACHE)) from error


def _with_known_consent(voice: Voice, voices: VoiceStore) -> Voice:
    """Return a voice with what an earlier preparation of the same recording knew of the consent."""
    try:
        known = voices.get(voice.name)
    except VoiceError:  # damaged: nothing is known
        return voice
    if voice.consent or known is None or known.audio_sha256 != voice.audio_sha256:
        return voice
    return replace(voice, consent=known.consent)


def _store(voice: Voice, voices: VoiceStore) -> bool:
    """Store a voice and return whether it replaced another one. Raises DiskError."""
    try:
        known = voices.get(voice.name)
        is_damaged = False
    except VoiceError:  # its message asks for preparing it again
        known, is_damaged = None, True
    if known == voice:
        return False
    try:
        voices.put(voice)
    except DiskError as error:
        raise _not_stored(voice, error) from error
    return is_damaged or known is not None


def _not_stored(voice: Voice, error: DiskError) -> DiskError:
    return DiskError(f"voice {voice.name} is not stored: {error.problem}", error.hint)
