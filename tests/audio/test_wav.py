import io
import os
import signal
import struct
import subprocess
import sys
import wave as wave_module
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

import podtts
from podtts.audio.wav import WavStream, WavWriter, may_need_rf64, to_pcm16, wav_header
from podtts.errors import UsageError

SOURCE = Path(podtts.__file__).parents[1]


def tone(seconds: float, rate_hz: int, hz: float = 220.0) -> Tensor:
    return 0.5 * torch.sin(torch.arange(int(seconds * rate_hz)) * (2 * torch.pi * hz / rate_hz))


def test_pcm16_rounds_and_clamps() -> None:
    wave = torch.tensor([0.0, 1.0, -1.0, 2.0, -2.0, 0.6 / 32767, -0.4 / 32767])
    assert struct.unpack("<7h", to_pcm16(wave)) == (0, 32767, -32767, 32767, -32767, 1, 0)


def test_a_written_file_is_a_correct_wav(tmp_path: Path) -> None:
    target = tmp_path / "episode.wav"
    turns = [tone(0.5, 24_000), tone(0.25, 24_000, 330.0), torch.zeros(1)]
    with WavWriter(target) as writer:
        for turn in turns:
            writer.write(turn)
        assert not target.exists()
    assert writer.samples == 18_001

    samples, rate_hz = soundfile.read(target, dtype="int16")
    assert rate_hz == 24_000
    assert samples.tobytes() == b"".join(map(to_pcm16, turns))
    raw = target.read_bytes()
    assert struct.unpack("<4sI", raw[:8]) == (b"RIFF", len(raw) - 8)
    assert struct.unpack("<4sI", raw[36:44]) == (b"data", len(raw) - 44)
    assert list(tmp_path.iterdir()) == [target]


def test_an_episode_without_turns_is_an_empty_wav(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "episode.wav"):
        pass
    assert soundfile.info(tmp_path / "episode.wav").frames == 0


def test_the_file_has_the_mode_of_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with WavWriter(tmp_path / "episode.wav"):
        pass
    assert (tmp_path / "episode.wav").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "episode.wav"
    target.write_bytes(b"old")
    with pytest.raises(error), WavWriter(target) as writer:  # noqa: PT012 (the block is the test)
        writer.write(tone(0.1, 24_000))
        raise error
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "episode.wav"
    target.write_bytes(b"old")
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
        "import torch\n"
        "from pathlib import Path\n"
        "from podtts.audio.wav import WavWriter\n"
        f"with WavWriter(Path({str(target)!r})) as writer:\n"
        "    writer.write(torch.zeros(24000))\n"
        "    print('writing', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"


def test_a_full_disk_is_reported_and_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on file sizes simulates the full disk, in a process of its own."""
    target = tmp_path / "episode.wav"
    target.write_bytes(b"old")
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
        "import resource, torch\n"
        "from pathlib import Path\n"
        "from podtts.audio.wav import WavWriter\n"
        "from podtts.errors import DiskError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        f"    with WavWriter(Path({str(target)!r})) as writer:\n"
        "        for _ in range(10):\n"
        "            writer.write(torch.zeros(24000))\n"
        "except DiskError as error:\n"
        "    print(error.problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{target}: cannot be written: File too large\n"
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    link = tmp_path / "latest.wav"
    link.symlink_to(tmp_path / "shelf" / "episode.wav")
    with WavWriter(link) as writer:
        writer.write(torch.zeros(10))
    assert link.is_symlink()
    assert soundfile.info(tmp_path / "shelf" / "episode.wav").frames == 10


def test_a_target_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        WavWriter(tmp_path / "missing" / "episode.wav")
    with pytest.raises(UsageError, match="not a regular file"):
        WavWriter(tmp_path)
    with pytest.raises(UsageError, match="not a regular file"):
        WavWriter(Path(os.devnull))


def test_a_stream_is_read_from_a_pipe_while_it_is_written() -> None:
    turns = [tone(0.5, 24_000), tone(0.25, 24_000, 330.0)]
    reader = (
        "import sys, wave\n"
        "with wave.open(sys.stdin.buffer) as file:\n"
        "    print(file.getframerate(), file.getnchannels(), file.getsampwidth(), flush=True)\n"
        "    first = file.readframes(12000)\n"
        "    print('first turn', flush=True)\n"
        "    sys.stdout.write((first + file.readframes(10**6)).hex())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", reader], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with WavStream(process.stdin) as stream:  # type: ignore[arg-type]  # IO[bytes] is a BinaryIO
            stream.write(turns[0])
            assert process.stdout.readline() == b"24000 1 2\n"
            assert process.stdout.readline() == b"first turn\n"  # before the second one exists
            stream.write(turns[1])
        process.stdin.close()
        samples = bytes.fromhex(process.stdout.read().decode())
    assert samples == b"".join(map(to_pcm16, turns))
    assert stream.samples == 18_000


def test_a_stream_saved_as_a_file_is_a_readable_wav() -> None:
    file = io.BytesIO()
    with WavStream(file) as stream:
        stream.write(tone(0.5, 24_000))
    raw = file.getvalue()
    assert raw[4:8] == raw[40:44] == b"\xff\xff\xff\xff"
    assert len(raw) == 44 + 24_000
    samples, rate_hz = soundfile.read(io.BytesIO(raw), dtype="int16")
    assert (len(samples), rate_hz) == (12_000, 24_000)
    assert np.array_equal(samples, np.frombuffer(raw[44:], "<i2"))
    with wave_module.open(io.BytesIO(raw)) as reader:
        assert reader.readframes(12_000) == raw[44:]


def test_the_partial_file_of_a_failed_run_is_playable(tmp_path: Path) -> None:
    target, partial = tmp_path / "episode.wav", tmp_path / "partial.wav"
    partial.write_bytes(b"of an earlier run that failed" * 9000)
    with pytest.raises(KeyboardInterrupt), WavWriter(target, partial) as writer:  # noqa: PT012
        writer.write(tone(0.1, 24_000))
        raise KeyboardInterrupt
    assert not target.exists()
    assert soundfile.info(partial).frames == 2400
    assert partial.stat().st_size == 44 + 4800
    with WavWriter(target, partial) as writer:
        writer.write(tone(0.2, 24_000))
    assert list(tmp_path.iterdir()) == [target]
    assert soundfile.info(target).frames == 4800


def test_a_short_file_with_a_reserved_ds64_chunk_is_a_wav(tmp_path: Path) -> None:
    target = tmp_path / "episode.wav"
    with WavWriter(target, longest=2**32) as writer:
        writer.write(tone(0.5, 24_000))
    samples, _ = soundfile.read(target, dtype="int16")
    assert samples.tobytes() == to_pcm16(tone(0.5, 24_000))
    with wave_module.open(str(target)) as file:
        assert file.getnframes() == 12_000
    raw = target.read_bytes()
    assert struct.unpack("<4sI", raw[:8]) == (b"RIFF", len(raw) - 8)


def test_files_over_four_gibibytes_are_read_back_completely(tmp_path: Path) -> None:
    """A sparse file: a header, 4.3 GB of zeros, and ten samples at the end."""
    samples = 2_150_000_000
    assert may_need_rf64(samples)
    assert not may_need_rf64(2_147_000_000)
    target = tmp_path / "episode.wav"
    header, last = wav_header(samples, reserve_ds64=True), np.arange(1, 11, dtype="<i2")
    with target.open("wb") as file:
        file.write(header)
        file.seek(len(header) + 2 * (samples - 10))
        file.write(last.tobytes())
    with soundfile.SoundFile(target) as read:
        assert read.format == "RF64"
        assert (read.frames, read.samplerate, read.channels) == (samples, 24_000, 1)
        read.seek(samples - 10)
        assert read.read(20, dtype="int16").tolist() == last.tolist()


def test_a_file_without_a_reserved_ds64_chunk_is_limited_to_four_gibibytes(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "a.wav") as writer:
        writer.samples = 2_147_483_000
        with pytest.raises(UsageError, match="longer than expected"):
            writer.write(torch.zeros(1000))
        writer.samples = 0


def test_a_stream_to_a_file_gets_its_real_length(tmp_path: Path) -> None:
    """As of `-o - > talk.wav`: behind what another program has written there before."""
    waves = [tone(0.5, 24_000), tone(0.25, 24_000)]
    path = tmp_path / "talk.wav"
    with path.open("wb", buffering=0) as file:
        file.write(b"before")
        with WavStream(file) as stream:
            for wave in waves:
                stream.write(wave)
        file.write(b"behind")
    raw = path.read_bytes()
    assert (raw[:6], raw[-6:]) == (b"before", b"behind")
    content = raw[6:-6]
    assert struct.unpack("<4sI", content[:8]) == (b"RIFF", len(content) - 8)
    assert content[44:] == b"".join(map(to_pcm16, waves))
    assert soundfile.info(io.BytesIO(content)).frames == 18_000


def test_a_stream_that_cannot_go_back_states_no_length(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    reader, writer = os.pipe()
    with (
        os.fdopen(writer, "wb", buffering=0) as pipe,
        path.open("ab", buffering=0) as appended,
    ):
        for stream in (pipe, appended, io.BytesIO()):
            with WavStream(stream) as wav:
                wav.write(tone(0.1, 24_000))
    with os.fdopen(reader, "rb") as read:
        through_the_pipe = read.read()
    assert through_the_pipe == path.read_bytes()
    assert struct.unpack("<I", through_the_pipe[4:8]) == (0xFFFFFFFF,)
