import io
import struct
from pathlib import Path

import pytest
import soundfile
import torch

from podtts.audio.metadata import NO_METADATA, AudioMetadata, wav_chunks
from podtts.audio.wav import WavStream, WavWriter, may_need_rf64, wav_header

TAGS = AudioMetadata("Bridges, 桥", "A & B", "2026-01-31", "AI-generated speech", "podtts")


@pytest.mark.parametrize("longest", [0, 2**32])
def test_metadata_of_a_wav_file_is_read_back(tmp_path: Path, longest: int) -> None:
    with WavWriter(tmp_path / "a.wav", longest=longest, rate_hz=48_000, tags=TAGS) as file:
        file.write(torch.zeros(480))
    with soundfile.SoundFile(tmp_path / "a.wav") as read:
        assert (read.frames, read.samplerate) == (480, 48_000)
        metadata = AudioMetadata(read.title, read.artist, read.date, read.comment, read.software)
    assert metadata == TAGS
    raw = (tmp_path / "a.wav").read_bytes()
    assert struct.unpack("<I", raw[4:8]) == (len(raw) - 8,)
    assert raw.endswith(b"data" + struct.pack("<I", 960) + bytes(960))


def test_metadata_of_a_stream_is_read_back() -> None:
    file = io.BytesIO()
    with WavStream(file, tags=TAGS) as stream:
        stream.write(torch.zeros(100))
    with soundfile.SoundFile(io.BytesIO(file.getvalue())) as read:
        assert (read.frames, read.title) == (100, TAGS.title)


@pytest.mark.parametrize("title", ["a", "ab", "桥"])
def test_chunks_have_even_lengths(title: str) -> None:
    chunk = wav_chunks(AudioMetadata(title=title, comment="x"))
    assert len(chunk) % 2 == 0
    assert struct.unpack("<I", chunk[4:8]) == (len(chunk) - 8,)


def test_empty_metadata_has_no_chunk() -> None:
    assert wav_chunks(NO_METADATA) == b""
    assert len(wav_header(10)) == 44


def test_metadata_counts_in_the_size_limit_of_a_file() -> None:
    samples = next(n for n in range(2_147_483_000, 2_147_484_000) if may_need_rf64(n))
    assert not may_need_rf64(samples - 1)
    assert may_need_rf64(samples - 1, info_bytes=2)
