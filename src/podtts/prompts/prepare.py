"""Preparing voices: work is done once for a recording, however it is called or often asked for."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from podtts.audio.decoder import AudioDecoder
from podtts.audio.io import decode_audio
from podtts.audio.recording_problems import find_recording_problems
from podtts.audio.strict_decoding import check_header
from podtts.errors import AudioError, InputError, VoiceError
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.extract import RECIPE_VERSION, extract_prompt
from podtts.prompts.folder import LONGEST_RECORDING_BYTES, RecordingFile, read_texts
from podtts.prompts.voices import Voice, VoiceStore, check_voice_name
from podtts.storage.regular_files import read_regular
from podtts.values import PromptFeatures

# Of a file that is larger, the header is looked at before it is read: an hour of speech is 57 MB
# at least, 30 s are mostly less than 9 MB.
_LARGE_BYTES = 2**24


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class Prepared:
    """A recording that can be spoken with."""

    path: Path
    voice: Voice
    features: PromptFeatures
    cached: bool  # found in the cache: no audio was decoded and no encoder was loaded
    replaced: bool  # a voice of that name stood there with another recording or other texts
    seconds_of_work: float
    warnings: tuple[str, ...] = ()  # flaws of the recording; known when it is decoded, not cached


@dataclass(frozen=True)
class Failed:
    """A recording that cannot be spoken with, and why."""

    path: Path
    error: InputError


def prepare(
    recording: RecordingFile,
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore | None = None,
    decoder: AudioDecoder | None = None,
) -> Prepared:
    """Return the voice and the features of a recording, from the cache if they are in it.

    What is computed is put into the cache; the voice is kept under its name if `voices` is given.
    decoder: the process that reads audio; without one, a process is started if one is needed.
    Raises InputError when the recording, its texts or its name cannot be used or the voice cannot
    be kept; ModelError when an encoder does not work; UsageError when torchaudio does not.
    """
    if decoder is None:
        with AudioDecoder() as own:
            return prepare(recording, encoders, cache, voices, own)
    started = time.perf_counter()
    name = check_voice_name(recording.name)
    texts = read_texts(recording)
    raw = _read(recording.path, decoder)
    voice = Voice(name, hashlib.sha256(raw).hexdigest(), texts.transcript, texts.dialect_prompt)

    key = PromptKey(voice.audio_sha256, encoders.digest, RECIPE_VERSION)
    warnings: tuple[str, ...] = ()
    features = kept = cache.get(key)
    if features is None:
        decoded = decode_audio(raw, str(recording.path), decoder)
        features = extract_prompt(decoded, encoders)
        warnings = find_recording_problems(decoded)
        cache.put(key, features)

    replaced = _keep(voice, voices) if voices else False
    seconds_of_work = time.perf_counter() - started
    return Prepared(
        recording.path, voice, features, kept is not None, replaced, seconds_of_work, warnings
    )


def prepare_all(
    recordings: Sequence[RecordingFile],
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore | None = None,
    workers: int = 1,
) -> Iterator[Prepared | Failed]:
    """Prepare recordings side by side and yield what came of each, in the order they were given.

    A recording that fails fails alone; a model that does not work ends all (ModelError). When the
    caller stops early, what has not begun is not done.
    """
    with (
        AudioDecoder() as decoder,
        ThreadPoolExecutor(workers, thread_name_prefix="prepare") as pool,
    ):
        waiting = deque(
            pool.submit(_attempt, recording, encoders, cache, voices, decoder)
            for recording in recordings
        )
        try:
            while waiting:  # taken off before it is yielded: features live no longer than needed
                yield waiting.popleft().result()
        finally:
            for future in waiting:
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
    except InputError as error:
        return Failed(recording.path, error)


def _read(path: Path, decoder: AudioDecoder) -> bytes:
    """Return a recording's bytes; refuses one that is far too long without reading it."""
    try:
        if path.stat().st_size > _LARGE_BYTES:
            check_header(path, decoder)
        return read_regular(path, LONGEST_RECORDING_BYTES)
    except IsADirectoryError:
        raise AudioError(path, "is a folder", "name a recording") from None
    except OSError as error:
        raise AudioError(path, f"cannot be read: {error.strerror}", "check the path") from error


def _keep(voice: Voice, voices: VoiceStore) -> bool:
    """Keep a voice and return whether it took the place of another one."""
    try:
        known = voices.get(voice.name)
    except VoiceError:  # damaged: preparing it again is what the error asks for
        voices.put(voice)
        return True
    if known != voice:
        voices.put(voice)
    return known not in (None, voice)
