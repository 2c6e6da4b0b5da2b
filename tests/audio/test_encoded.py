import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest
import soundfile
import torch
from support.meters import needs_ffmpeg

from podtts.audio.encoded import ENCODINGS, EncodedStream
from podtts.audio.metadata import AudioMetadata
from podtts.audio.wav import to_pcm16

WAVE = 0.3 * torch.sin(torch.arange(100_000) * 0.06)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_wave_written_in_parts_is_read_back(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "out"
    with path.open("xb") as file, EncodedStream(file, encoding) as stream:
        for part in torch.tensor_split(WAVE, 3):
            stream.write(part)
        assert stream.samples == len(WAVE)
    samples, rate_hz = soundfile.read(path)
    assert rate_hz == 24_000
    assert len(samples) == len(WAVE)
    assert np.corrcoef(samples, WAVE.numpy())[0, 1] > 0.99


def test_flac_is_lossless(tmp_path: Path) -> None:
    with (tmp_path / "a.flac").open("xb") as file, EncodedStream(file, "flac") as stream:
        stream.write(WAVE)
    samples, _ = soundfile.read(tmp_path / "a.flac", dtype="int16")
    assert samples.tobytes() == to_pcm16(WAVE)


@pytest.mark.parametrize("encoding", ["flac", "mp3"])
def test_the_same_samples_give_the_same_bytes(tmp_path: Path, encoding: str) -> None:
    """Ogg files, which have a random serial number, are in test_ogg_serial.py."""
    for name in ("a", "b"):
        with (tmp_path / name).open("xb") as file:
            tags = AudioMetadata(title="A title", date="2026-01-31")
            with EncodedStream(file, encoding, tags=tags) as stream:
                stream.write(WAVE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "comment", ["short", "a comment that is longer than an ID3v1 tag can hold"]
)
def test_the_date_of_an_mp3_is_its_year(tmp_path: Path, comment: str) -> None:
    """With a full date, LAME would write the day or no date, depending on the other tags."""
    tags = AudioMetadata(date="2026-01-31", comment=comment)
    with (tmp_path / "a.mp3").open("xb") as file, EncodedStream(file, "mp3", tags=tags) as stream:
        stream.write(WAVE)
    with soundfile.SoundFile(tmp_path / "a.mp3") as read:
        assert (read.date, read.comment) == ("2026", comment)


@needs_ffmpeg
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_pipe_can_be_written(encoding: str) -> None:
    command = ["ffmpeg", "-v", "error", "-i", "-", "-ar", "24000", "-f", "s16le", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdin
        pipe = cast(BinaryIO, reader.stdin)
        with EncodedStream(pipe, encoding) as stream:
            stream.write(WAVE)
        reader.stdin.close()
        assert reader.stdout
        samples = len(reader.stdout.read()) // 2
    padding = 2000 if encoding == "mp3" else 0  # only a file's header can state its length
    assert len(WAVE) <= samples <= len(WAVE) + padding


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_closed_pipe_raises_broken_pipe_error(encoding: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    noise = torch.rand(2_000_000) - 0.5
    with (
        open(writer, "wb", buffering=0) as pipe,  # noqa: PTH123 (a descriptor, no path)
        pytest.raises(BrokenPipeError),
        EncodedStream(pipe, encoding) as stream,
    ):
        stream.write(noise)


@pytest.mark.parametrize("encoding", ["flac", "opus"])
def test_a_full_disk_is_reported(tmp_path: Path, encoding: str) -> None:
    """A limit on file sizes simulates the full disk, in a process of its own."""
    code = (
        "import resource, sys, torch\n"
        "from podtts.audio.encoded import EncodedStream\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        f"with open({str(tmp_path / 'out')!r}, 'xb') as file:\n"
        "    try:\n"
        f"        with EncodedStream(file, {encoding!r}) as stream:\n"
        "            stream.write(torch.rand(2_000_000) - 0.5)\n"
        "    except OSError as error:\n"
        "        print(error.strerror)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "File too large\n"
