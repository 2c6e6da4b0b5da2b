"""Strict decoding of unusual and damaged files: the complete recording, or an exact error."""

import contextlib
import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from podtts.audio.decoder import AudioDecoder
from podtts.audio.io import decode_audio
from podtts.audio.strict_decoding import check_header
from podtts.errors import AudioError

Samples = NDArray[np.float32]

SECONDS, RATE_HZ = 2.0, 24_000


def tone(rate_hz: int = RATE_HZ, channels: int = 1, seconds: float = SECONDS) -> Samples:
    wave = 0.5 * np.sin(np.arange(round(seconds * rate_hz)) * (2 * np.pi * 220 / rate_hz))
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


def encoded(
    samples: Samples, container: str = "WAV", subtype: str = "PCM_16", rate_hz: int = RATE_HZ
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=container, subtype=subtype)
    return file.getvalue()


KINDS = {
    "wav": ("WAV", "PCM_16"),
    "wavex": ("WAVEX", "PCM_24"),
    "rf64": ("RF64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}

# Unusual, but correct: file, tolerance.
GOOD: dict[str, tuple[bytes, float]] = {
    **{
        f"{subtype.lower()}": (encoded(tone(), "WAV", subtype), tolerance)
        for subtype, tolerance in (
            ("PCM_U8", 1e-2),
            ("PCM_24", 1e-6),
            ("PCM_32", 1e-6),
            ("FLOAT", 0.0),
            ("DOUBLE", 1e-7),
            ("ULAW", 2e-2),
            ("ALAW", 2e-2),
        )
    },
    "rf64": (encoded(tone(), "RF64"), 1e-4),
    "wavex": (encoded(tone(), "WAVEX", "PCM_24"), 1e-6),
    "8-kHz": (encoded(tone(8000), rate_hz=8000), 1e-4),
    "192-kHz": (encoded(tone(192_000), rate_hz=192_000), 1e-4),
    "6-channels": (encoded(tone(channels=6)), 1e-4),
    "1000-channels": (encoded(tone(8000, 1000), "WAV", "PCM_U8", 8000), 1e-2),
    "30-s": (encoded(tone(8000, seconds=30.0), rate_hz=8000), 1e-4),
    "text-behind": (encoded(tone()) + b"LIST\x05\x00\x00\x00hello\x00", 1e-4),
    "cut-in-text-behind": (encoded(tone()) + b"LIST\xff\x00\x00\x00hello", 1e-4),
}


@pytest.mark.parametrize(("raw", "tolerance"), GOOD.values(), ids=GOOD.keys())
def test_unusual_files_are_read_completely(
    raw: bytes, tolerance: float, decoder: AudioDecoder
) -> None:
    recording = decode_audio(raw, "anna", decoder)
    expected = tone(recording.rate_hz, seconds=recording.seconds)[:, 0]
    assert recording.seconds in (SECONDS, 30.0)
    assert np.abs(recording.wave.numpy() - expected).max() <= tolerance


def _with_data_size(claimed: int) -> bytes:
    raw = bytearray(encoded(tone()))
    raw[40:44] = struct.pack("<I", claimed)
    return bytes(raw)


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0x7FFFF000, 0x80000000])
def test_the_placeholder_length_of_a_stream_is_ignored(claimed: int, decoder: AudioDecoder) -> None:
    """ffmpeg, sox and arecord state these lengths when they write to a pipe, or are stopped."""
    assert decode_audio(_with_data_size(claimed), "anna", decoder).seconds == SECONDS


def test_a_length_that_includes_the_header_is_accepted(decoder: AudioDecoder) -> None:
    assert decode_audio(_with_data_size(96_044), "anna", decoder).seconds == SECONDS


@pytest.mark.parametrize("sixteenth", range(16))
@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file_is_refused(kind: str, sixteenth: int, decoder: AudioDecoder) -> None:
    complete = encoded(tone(), *KINDS[kind])
    assert decode_audio(complete, "anna", decoder).seconds == SECONDS
    with pytest.raises(AudioError) as caught:
        decode_audio(complete[: len(complete) * sixteenth // 16], "anna.wav", decoder)
    assert caught.value.problem.startswith("anna.wav: ")
    assert caught.value.hint


def _flat(value: float) -> Samples:
    return np.full((RATE_HZ, 1), value, np.float32)


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"This is what the speaker says.\n" * 20, "cannot be read as audio: Format not"),
    "one-byte": (b"R", "cannot be read as audio"),
    "riff-alone": (b"RIFF", "cannot be read as audio"),
    "header-alone": (encoded(tone())[:44], "is cut short: it has 0 of 96000 bytes"),
    "no-samples": (encoded(np.zeros((0, 1), np.float32)), "contains no samples"),
    "never-finished": (_with_data_size(0), "contains no samples"),
    "half": (encoded(tone())[:48_044], "is cut short: it has 48000 of 96000 bytes of audio"),
    "half-rf64": (encoded(tone(), "RF64")[:48_000], "is cut short: "),
    "half-flac": (encoded(tone(), "FLAC")[:9_000], "cut short or damaged|cannot be read as"),
    "half-mp3": (
        encoded(tone(), *KINDS["mp3"])[:2_000],
        "is cut short: it has 2000 of .* bytes",
    ),
    "half-vorbis": (
        encoded(tone(), *KINDS["vorbis"])[:4_000],
        "ends in the middle of a page",
    ),
    "last-page": (
        encoded(tone(), *KINDS["opus"]).rpartition(b"OggS")[0],
        "is cut short: its last page is missing",
    ),
    "nan": (encoded(_flat(float("nan")), "WAV", "FLOAT"), "NaN or infinite"),
    "one-nan": (encoded(np.append(tone(), [[np.nan]], 0), "WAV", "DOUBLE"), "NaN or infinite"),
    "inf": (encoded(_flat(float("-inf")), "WAV", "FLOAT"), "NaN or infinite"),
    "31-s": (encoded(tone(8000, seconds=31), rate_hz=8000), "is 31.00 s long, longer than 30 s"),
    "31-s-mp3": (encoded(tone(8000, seconds=31), *KINDS["mp3"], 8000), "is 31.00 s long"),
    "4-kHz": (encoded(tone(4000), rate_hz=4000), "has a sample rate of 4000 Hz"),
    "1-GHz": (encoded(tone(), rate_hz=1_000_000_000), "has a sample rate of 1000000000 Hz"),
    "w64": (encoded(tone(), "W64"), "is W64, which podtts cannot read"),
    "m4a": (b"\x00\x00\x00\x20ftypM4A \x00" + bytes(99), "cannot be read as audio: Invalid"),
    "webm": (b"\x1aE\xdf\xa3" + bytes(99), "cannot be read as audio: "),
    "zeros": (bytes(10_000), "cannot be read as audio"),
}


@pytest.mark.parametrize(("raw", "problem"), REFUSED.values(), ids=REFUSED.keys())
def test_unusable_files_are_refused_with_the_reason(
    raw: bytes, problem: str, decoder: AudioDecoder
) -> None:
    with pytest.raises(AudioError, match=f"^it's anna: .*(?:{problem})") as caught:
        decode_audio(raw, "it's anna", decoder)
    assert caught.value.hint


def test_an_hour_is_refused_from_its_header(tmp_path: Path, decoder: AudioDecoder) -> None:
    """The file is sparse: reading its samples would take 635 MB of memory."""
    path = tmp_path / "hour.wav"
    size = 3600 * 44_100 * 4
    header = bytearray(encoded(tone(44_100, 2, 0.1), rate_hz=44_100)[:44])
    header[4:8], header[40:44] = struct.pack("<I", size + 36), struct.pack("<I", size)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(44 + size)
    with pytest.raises(AudioError, match=r"hour\.wav: is 3600\.00 s long, longer than 30 s"):
        check_header(path, decoder)


def test_the_header_of_a_file_of_any_name_is_read(tmp_path: Path, decoder: AudioDecoder) -> None:
    path = tmp_path / f"ännä 安娜\n{'n' * 200}.wav"
    path.write_bytes(encoded(tone()))
    check_header(path, decoder)
    path.write_bytes(b"text")
    with pytest.raises(AudioError, match="cannot be read as audio"):
        check_header(path, decoder)


Change = Callable[[bytes], bytes]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An audio file with some bytes overwritten, removed or inserted."""
    raw = bytearray(
        draw(
            st.sampled_from(
                [encoded(tone(8000, seconds=0.2), *kind, 8000) for kind in KINDS.values()]
            )
        )
    )
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, min(len(raw), 400)))
        length = draw(st.integers(0, 8))
        raw[start : start + length] = draw(st.binary(max_size=8))
    return bytes(raw)


@settings(max_examples=150, deadline=None)
@given(damaged() | st.binary(max_size=300))
def test_any_bytes_are_decoded_or_raise_audio_error(raw: bytes) -> None:
    with contextlib.suppress(AudioError):
        decode_audio(raw, "anna", FUZZED)


FUZZED = AudioDecoder(timeout_seconds=60.0)  # hypothesis forbids function-scoped fixtures


@pytest.fixture(scope="module", autouse=True)
def _close_fuzzed() -> object:
    yield
    FUZZED.close()
