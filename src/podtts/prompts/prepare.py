"""Prepares voices: computes the prompt of each recording once, and stores it in the cache."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
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
from podtts.ears.recognizer import Recognizer
from podtts.errors import AudioError, DiskError, InputError, VoiceError
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.entry import RECIPE_VERSION, tensors_of
from podtts.prompts.extract import extract_prompt
from podtts.prompts.heard_transcripts import differences, hear_texts, texts_heard_before
from podtts.prompts.recording_files import (
    LONGEST_RECORDING_BYTES,
    NoTranscriptError,
    RecordingFile,
    RecordingTexts,
    read_texts,
)
from podtts.prompts.selected_recording import SelectedRecording, decode_selection
from podtts.prompts.transcript_problems import find_transcript_problems
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
    cached: bool  # from the cache: no encoder was loaded
    replaced: bool  # it replaced a voice of that name with another recording or other texts
    seconds_of_work: float
    # Problems of the recording (none when cached), and doubts about its transcript.
    warnings: tuple[str, ...] = ()
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
    recognizer: Recognizer | None = None,
) -> Prepared:
    """Return the voice and the features of a recording, from the cache if possible.

    Stores computed features in the cache, and the voice under its name in `voices`.
    voices:  None to use the voice once: then a cache that cannot be written is only warned of.
    decoder: the process that decodes audio; None starts one if needed.
    recognizer: writes down the words of a recording without a transcript, and listens whether any
             other has the words of its transcript; None: nobody listens.
    Raises InputError when the recording, its texts or its name are not usable; DiskError when the
    voice cannot be stored; ModelError when an encoder fails; UsageError when torchaudio cannot be
    loaded; Cancelled.
    """
    if decoder is None:
        with AudioDecoder() as own:
            return prepare(recording, encoders, cache, voices, own, recognizer)
    with calling_if_cancelled(decoder.stop):
        try:
            return _prepare(recording, encoders, cache, voices, decoder, recognizer)
        except InputError:  # a recording that is not decoded any more is no bad one
            raise_if_cancelled()
            raise


def _prepare(
    recording: RecordingFile,
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore | None,
    decoder: AudioDecoder,
    recognizer: Recognizer | None,
) -> Prepared:
    started = time.perf_counter()
    name = check_voice_name(recording.name)
    texts: RecordingTexts | None = None
    try:
        texts = read_texts(recording)
    except NoTranscriptError:
        if voices is None and recognizer is None:
            raise
    source = _Source(recording, _read(recording, decoder), decoder)
    if texts is None:
        texts = _texts_heard_before(recording, source, voices, recognizer)

    key = PromptKey(source.sha256, encoders.digest, RECIPE_VERSION)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    features = cached = cache.get(key)
    if features is None:
        if voices is not None:
            _check_cache(cache, name)
        features = extract_prompt(source.decoded.recording, encoders)
        warnings = find_recording_problems(source.decoded.recording)
        notes = source.decoded.notes
        if voices is None:
            cache.put(key, features)
        else:
            _keep(cache, key, features, name)

    if texts is None:
        assert recognizer is not None
        texts = hear_texts(recording, source.decoded.recording, recognizer)
    elif recognizer is not None and texts.transcript_source == "written":
        warnings += differences(texts.transcript, source.decoded.recording, recognizer)
    if texts.transcript_source == "written":
        warnings += find_transcript_problems(texts.transcript, features.seconds)
    voice = Voice(
        name,
        source.sha256,
        texts.transcript,
        texts.dialect_prompt,
        texts.transcript_source,
        recording.consent,
    )
    if voices is not None:
        voice = _with_known_consent(voice, voices)
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
    recognizer: Recognizer | None = None,
) -> Iterator[Prepared | Failed]:
    """Prepare recordings in parallel and yield the results in the same order.

    recognizer: see `prepare`.
    A recording that fails, or cannot be stored, does not affect the others; a model that fails ends
    all (ModelError).
    When the caller stops early, what is in work is ended, and the rest is skipped.
    """
    cancellation = Cancellation()

    def attempt(recording: RecordingFile) -> Prepared | Failed:
        with cancelled_by(cancellation):
            return _attempt(recording, encoders, cache, voices, decoder, recognizer)

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
    recognizer: Recognizer | None,
) -> Prepared | Failed:
    try:
        return prepare(recording, encoders, cache, voices, decoder, recognizer)
    except (InputError, DiskError) as error:
        return Failed(recording.path, error)


class _Source:
    """The file of a recording; what is selected of it is decoded once, when it is needed."""

    def __init__(self, recording: RecordingFile, raw: bytes, decoder: AudioDecoder) -> None:
        self._recording, self._raw, self._decoder = recording, raw, decoder

    @cached_property
    def sha256(self) -> str:
        """The digest of what is selected, see `Selection.digest`."""
        return self._recording.selection.digest(self._raw)

    @cached_property
    def decoded(self) -> SelectedRecording:
        """What is selected. Raises AudioError, Cancelled."""
        raise_if_cancelled()
        recording = self._recording
        return decode_selection(self._raw, str(recording.path), recording.selection, self._decoder)


def _texts_heard_before(
    recording: RecordingFile,
    source: _Source,
    voices: VoiceStore | None,
    recognizer: Recognizer | None,
) -> RecordingTexts | None:
    """The texts of a recording without a transcript, if it was heard before.

    Raises NoTranscriptError if it was not, and nobody listens.
    """
    texts = texts_heard_before(recording, source.sha256, voices) if voices else None
    return read_texts(recording) if texts is None and recognizer is None else texts


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


def _check_cache(cache: PromptCache, name: str) -> None:
    """Raise DiskError for a folder that is read-only, before the prompt is computed."""
    try:
        check_folder_writable(cache.root)
    except OSError as error:
        raise _not_stored(name, disk_error(cache.root, error, ANOTHER_CACHE)) from error


def _keep(cache: PromptCache, key: PromptKey, features: PromptFeatures, name: str) -> None:
    """Store the prompt of a voice. Raises DiskError."""
    try:
        cache.store(key, tensors_of(features))
    except OSError as error:
        raise _not_stored(name, disk_error(cache.root, error, ANOTHER_CACHE)) from error


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
        raise _not_stored(voice.name, error) from error
    return is_damaged or known is not None


def _not_stored(name: str, error: DiskError) -> DiskError:
    return DiskError(f"voice {name} is not stored: {error.problem}", error.hint)
