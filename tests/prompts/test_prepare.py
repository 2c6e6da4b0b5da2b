import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import soundfile
import torch

from podtts.audio.decoder import AudioDecoder
from podtts.errors import AudioError, DiskError, ModelError
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.entry import RECIPE_VERSION
from podtts.prompts.prepare import Failed, Prepared, prepare, prepare_all
from podtts.prompts.recording_files import RecordingFile, find_recordings
from podtts.prompts.voices import Voice, VoiceStore
from podtts.values import PromptFeatures

NAMES = ["a_24k_mono", "b_44k_stereo", "c_16k_quiet"]


@pytest.fixture
def voices(tmp_path: Path) -> VoiceStore:
    return VoiceStore(tmp_path / "cache")


def entry_bytes(cache: PromptCache) -> dict[str, bytes]:
    return {entry.path.name: entry.path.read_bytes() for entry in cache.entries()}


def same(left: PromptFeatures, right: PromptFeatures) -> bool:
    return (
        torch.equal(left.speech_tokens, right.speech_tokens)
        and torch.equal(left.mel, right.mel)
        and torch.equal(left.speaker_embedding, right.speaker_embedding)
    )


def test_a_recording_is_computed_once(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache, voices: VoiceStore
) -> None:
    recording = find_recordings([speakers / "a_24k_mono.wav"])[0]
    fresh = prepare(recording, encoders, cache, voices)
    audio_sha256 = hashlib.sha256(recording.path.read_bytes()).hexdigest()
    assert fresh.voice == Voice(
        "a_24k_mono", audio_sha256, "This is what the speaker says in recording a_24k_mono."
    )
    assert voices.get("a_24k_mono") == fresh.voice
    assert (fresh.path, fresh.cached, fresh.replaced) == (recording.path, False, False)
    assert fresh.seconds_of_work > 0

    again = prepare(recording, encoders, cache, voices)
    assert (again.cached, again.replaced) == (True, False)
    assert again.voice == fresh.voice
    assert same(again.features, fresh.features)


def test_a_hit_loads_no_encoder_and_decodes_no_audio(
    tmp_path: Path,
    broken_encoders: PromptEncoders,
    cache: PromptCache,
    make_features: Callable[[int], PromptFeatures],
) -> None:
    """The encoders of this test cannot be loaded, and the recording cannot be decoded."""
    path, raw = tmp_path / "anna.wav", b"RIFF....WAVEfmt ....\1\0\1\0"  # one channel, no samples
    path.write_bytes(raw)
    recording = RecordingFile(path, "anna", transcript="Hello.")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        prepare(recording, broken_encoders, cache)

    audio_sha256 = hashlib.sha256(raw).hexdigest()
    cache.put(PromptKey(audio_sha256, broken_encoders.digest, RECIPE_VERSION), make_features(50))
    prepared = prepare(recording, broken_encoders, cache)
    assert prepared.cached
    assert same(prepared.features, make_features(50))


def test_the_same_audio_under_another_name_shares_the_entry(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache, voices: VoiceStore
) -> None:
    path = speakers / "a_24k_mono.wav"
    copy = path.rename(speakers / "anna.wav")
    first = prepare(RecordingFile(copy, "anna", transcript="Hello."), encoders, cache, voices)
    second = prepare(RecordingFile(copy, "eva", transcript="Other."), encoders, cache, voices)
    assert (first.cached, second.cached) == (False, True)
    assert [voice.name for voice in voices.list()] == ["anna", "eva"]
    assert len(cache.entries()) == 1


def test_an_entry_contains_neither_name_nor_transcript(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache
) -> None:
    recording = RecordingFile(speakers / "a_24k_mono.wav", "annabel", transcript="Secret words.")
    prepare(recording, encoders, cache)
    (entry,) = entry_bytes(cache).values()
    for word in (b"annabel", b"a_24k_mono", b"Secret", str(speakers).encode()):
        assert word not in entry


def test_a_changed_sample_or_encoder_is_a_miss(
    speakers: Path, golden: Path, tmp_path: Path, encoders: PromptEncoders, cache: PromptCache
) -> None:
    recording = find_recordings([speakers / "a_24k_mono.wav"])[0]
    prepare(recording, encoders, cache)

    # ONNX Runtime ignores these bytes after the graph: the same network in a different file.
    renamed = tmp_path / "campplus.onnx"
    renamed.write_bytes((golden / "model" / "campplus.onnx").read_bytes() + b"\xf8\x06\x01")
    others = PromptEncoders(golden / "model" / "speech_tokenizer_v2.onnx", renamed)
    assert not prepare(recording, others, cache).cached

    raw = bytearray(recording.path.read_bytes())
    raw[-1] ^= 1
    recording.path.write_bytes(raw)
    assert not prepare(recording, encoders, cache).cached
    assert len(cache.entries()) == 3


def test_a_voice_is_replaced_only_by_other_audio_or_other_texts(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache, voices: VoiceStore
) -> None:
    path, other = speakers / "a_24k_mono.wav", speakers / "c_16k_quiet.wav"

    def replaces(recording: RecordingFile) -> bool:
        prepared = prepare(recording, encoders, cache, voices)
        assert voices.get("anna") == prepared.voice
        return prepared.replaced

    assert not replaces(RecordingFile(path, "anna", "Hello."))
    assert not replaces(RecordingFile(path, "anna", " Hello.\n"))
    assert replaces(RecordingFile(path, "anna", "Hello!"))
    assert replaces(RecordingFile(path, "anna", "Hello!", "<|Yue|>你好"))
    assert replaces(RecordingFile(other, "anna", "Hello!", "<|Yue|>你好"))
    assert not replaces(RecordingFile(other, "anna", "Hello!", "<|Yue|>你好"))


def test_preparing_again_replaces_a_damaged_voice_and_a_damaged_entry(
    speakers: Path,
    encoders: PromptEncoders,
    cache: PromptCache,
    voices: VoiceStore,
    warnings_said: list[str],
) -> None:
    recording = find_recordings([speakers / "a_24k_mono.wav"])[0]
    fresh = prepare(recording, encoders, cache, voices)
    (entry,) = cache.entries()
    complete = entry.path.read_bytes()
    entry.path.write_bytes(complete[: len(complete) // 2])
    (cache.root / "voices" / "a_24k_mono.json").write_bytes(b"{")

    repaired = prepare(recording, encoders, cache, voices)
    assert (repaired.cached, repaired.replaced) == (False, True)
    assert same(repaired.features, fresh.features)
    assert voices.get("a_24k_mono") == fresh.voice
    assert entry.path.read_bytes() == complete
    assert len(warnings_said) == 1


def test_a_cache_that_cannot_be_written_gives_one_warning(
    speakers: Path, tmp_path: Path, encoders: PromptEncoders, cache: PromptCache
) -> None:
    warnings: list[str] = []
    (tmp_path / "file").touch()
    unwritable = PromptCache(tmp_path / "file", warnings.append)
    recordings = find_recordings([speakers])
    for outcome in prepare_all(recordings, encoders, unwritable, workers=2):
        assert isinstance(outcome, Prepared)
        assert not outcome.cached
        assert len(outcome.features.speech_tokens) > 0
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("container", "subtype", "suffix"),
    [
        ("FLAC", "PCM_16", ".flac"),
        ("MP3", "MPEG_LAYER_III", ".mp3"),
        ("OGG", "VORBIS", ".ogg"),
        ("OGG", "OPUS", ".opus"),
    ],
)
def test_other_formats_can_be_prepared(
    speakers: Path,
    tmp_path: Path,
    encoders: PromptEncoders,
    cache: PromptCache,
    container: str,
    subtype: str,
    suffix: str,
) -> None:
    samples, rate_hz = soundfile.read(speakers / "a_24k_mono.wav", dtype="float32")
    folder = tmp_path / "encoded"
    folder.mkdir()
    soundfile.write(folder / f"anna{suffix}", samples, rate_hz, format=container, subtype=subtype)
    (folder / "anna.txt").write_text("Hello.")
    prepared = prepare(find_recordings([folder])[0], encoders, cache)
    original = prepare(find_recordings([speakers / "a_24k_mono.wav"])[0], encoders, cache)
    assert prepared.features.seconds == pytest.approx(original.features.seconds, abs=0.1)
    if suffix == ".flac":
        assert same(prepared.features, original.features)


def test_concurrent_and_serial_preparation_give_equal_bytes(
    speakers: Path, tmp_path: Path, golden: Path
) -> None:
    entries = []
    for workers in (1, 3):
        model = golden / "model"
        encoders = PromptEncoders(model / "speech_tokenizer_v2.onnx", model / "campplus.onnx")
        cache = PromptCache(tmp_path / f"cache-{workers}", pytest.fail)
        recordings = find_recordings([speakers])
        outcomes = list(prepare_all(recordings, encoders, cache, workers=workers))
        assert [outcome.path.stem for outcome in outcomes] == NAMES
        entries.append(entry_bytes(cache))
    assert len(entries[0]) == 3
    assert entries[0] == entries[1]


def test_a_bad_file_does_not_affect_the_others(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache, voices: VoiceStore
) -> None:
    (speakers / "b_44k_stereo.wav").write_bytes(b"text, not audio")
    (speakers / "c_16k_quiet.txt").unlink()
    (speakers / "d d .wav").write_bytes(b"")
    (speakers / "e.flac").write_bytes(b"")
    (speakers / "e.txt").write_bytes(b"\xff")
    outcomes = list(prepare_all(find_recordings([speakers]), encoders, cache, voices, workers=2))

    assert [type(outcome) for outcome in outcomes] == [Prepared, Failed, Failed, Failed, Failed]
    problems = [outcome.error.problem for outcome in outcomes if isinstance(outcome, Failed)]
    assert "b_44k_stereo.wav: cannot be read as audio" in problems[0]
    assert "c_16k_quiet.wav: has no transcript" in problems[1]
    assert "'d d ' cannot be the name of a voice" in problems[2]
    assert "e.txt:1: " in problems[3]
    assert [voice.name for voice in voices.list()] == ["a_24k_mono"]


def test_a_removed_file_does_not_affect_the_others(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache
) -> None:
    recordings = find_recordings([speakers])
    recordings[1].path.unlink()
    outcomes = list(prepare_all(recordings, encoders, cache, workers=2))
    assert [type(outcome) for outcome in outcomes] == [Prepared, Failed, Prepared]


def test_recordings_that_have_not_started_are_skipped_when_the_caller_stops(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second recording waits until all is cancelled: it may start, but it is not prepared."""
    started, is_ending = list[str](), threading.Event()

    def read_and_wait(recording: RecordingFile, decoder: AudioDecoder) -> bytes:
        started.append(recording.path.stem)
        if len(started) > 1:
            is_ending.wait()
        return recording.path.read_bytes()

    class Pool(ThreadPoolExecutor):
        def __exit__(self, *raised: object) -> None:
            is_ending.set()
            self.shutdown()

    monkeypatch.setattr("podtts.prompts.prepare._read", read_and_wait)
    monkeypatch.setattr("podtts.prompts.prepare.ThreadPoolExecutor", Pool)
    outcomes = prepare_all(find_recordings([speakers]), encoders, cache, workers=1)
    assert next(outcomes).path.stem == NAMES[0]
    outcomes.close()  # type: ignore[attr-defined]
    assert started in (NAMES[:1], NAMES[:2])
    assert len(cache.entries()) == 1


def test_a_broken_model_ends_all(
    speakers: Path, broken_encoders: PromptEncoders, cache: PromptCache
) -> None:
    outcomes = prepare_all(find_recordings([speakers]), broken_encoders, cache, workers=2)
    with pytest.raises(ModelError, match=r"tokenizer\.onnx: cannot be loaded"):
        next(outcomes)


def test_a_voice_that_cannot_be_stored_is_reported(
    speakers: Path, tmp_path: Path, encoders: PromptEncoders, cache: PromptCache
) -> None:
    (tmp_path / "file").touch()
    recording = find_recordings([speakers])[0]
    with pytest.raises(DiskError, match=r"voice \w+ is not stored: .* cannot be written"):
        prepare(recording, encoders, cache, VoiceStore(tmp_path / "file"))


def test_problems_of_a_recording_are_reported_when_it_is_decoded(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache
) -> None:
    path = speakers / "a_24k_mono.wav"
    samples, rate_hz = soundfile.read(path, dtype="float32")
    soundfile.write(path, (samples * 5).clip(-1, 1), rate_hz)
    recording = RecordingFile(path, "anna", "What the speaker says in this recording.")
    (problem,) = prepare(recording, encoders, cache).warnings
    assert "of its samples are clipped" in problem
    assert prepare(recording, encoders, cache).warnings == ()


def test_doubts_about_a_transcript_are_reported_each_time(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache
) -> None:
    recording = RecordingFile(speakers / "a_24k_mono.wav", "anna", "S1: What the speaker says.")
    for _ in range(2):
        (doubt,) = prepare(recording, encoders, cache).warnings
        assert doubt.startswith("its transcript begins with what looks like a label, S1:")


def test_unusual_files_do_not_affect_the_others(
    speakers: Path, encoders: PromptEncoders, cache: PromptCache, voices: VoiceStore
) -> None:
    """A pipe, hours of audio, a circular link and others are among good recordings."""
    os.mkfifo(speakers / "pipe.wav")
    with (speakers / "hours.wav").open("wb") as file:
        file.write((speakers / "a_24k_mono.wav").read_bytes()[:40] + b"\xf0\xff\xff\x7e")
        file.truncate(2**31)  # sparse: 12 hours of audio
    with (speakers / "large.flac").open("wb") as file:
        file.truncate(2**31)
    (speakers / "loop.ogg").symlink_to(speakers / "loop.ogg")
    (speakers / "other.m4a").write_bytes(b"\0\0\0 ftypM4A " + bytes(1000))
    for name in ("pipe", "hours", "large", "loop", "other"):
        (speakers / f"{name}.txt").write_text("Hello.")
    linked = speakers / "安 娜.wav"
    linked.symlink_to(speakers / "c_16k_quiet.wav")
    (speakers / "安 娜.txt").write_text("Hello.")

    outcomes = list(prepare_all(find_recordings([speakers]), encoders, cache, voices, workers=2))
    failed = {each.path.stem: each.error.problem for each in outcomes if isinstance(each, Failed)}
    reasons = {
        "hours": "s long, longer than 30 s",
        "large": "cannot be read as audio",
        "loop": "cannot be read: Too many levels of symbolic links",
        "other": "cannot be read as audio: Invalid data",
        "pipe": "cannot be read: it is not a regular file",
    }
    assert failed.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert failed[name].startswith(f"{speakers}/{name}.")
        assert reason in failed[name]
    assert [voice.name for voice in voices.list()] == [*NAMES, "安 娜"]
