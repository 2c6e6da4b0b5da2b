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
from podtts.audio.decoder import Decoder
from podtts.audio.io import Recording, WavStream, WavWriter, decode_audio, resample, to_pcm16
from podtts.errors import AudioError, InputError, UsageError

SOURCE = Path(podtts.__file__).parents[1]


def tone(seconds: float, rate_hz: int, hz: float = 220.0) -> Tensor:
    return 0.5 * torch.sin(torch.arange(int(seconds * rate_hz)) * (2 * torch.pi * hz / rate_hz))


def encoded(wave: Tensor, rate_hz: int, container: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, wave.numpy(), rate_hz, format=container, subtype=subtype)
    return file.getvalue()


# Decoding


@pytest.mark.parametrize(
    ("container", "subtype", "tolerance"),
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_U8", 1e-2),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "FLOAT", 0.0),
        ("RF64", "PCM_16", 1e-4),
        ("FLAC", "PCM_16", 1e-4),
        ("MP3", "MPEG_LAYER_III", 0.02),
        ("OGG", "VORBIS", 0.02),
        ("OGG", "OPUS", 0.02),
    ],
)
def test_formats_are_decoded(
    container: str, subtype: str, tolerance: float, decoder: Decoder
) -> None:
    wave = tone(1.5, 24_000)
    recording = decode_audio(encoded(wave, 24_000, container, subtype), "anna", decoder)
    assert recording.rate_hz == 24_000
    assert recording.wave.dtype == torch.float32
    assert recording.seconds == 1.5
    inner = slice(2000, -2000)  # lossy codecs blur the edges
    assert (recording.wave[inner] - wave[inner]).abs().max() <= tolerance


@pytest.mark.parametrize("others", [1, 5])
def test_only_the_first_channel_is_heard(others: int, decoder: Decoder) -> None:
    channels = torch.stack([tone(1.0, 8000), *[tone(1.0, 8000, 300.0)] * others], dim=1)
    recording = decode_audio(encoded(channels, 8000, "WAV", "FLOAT"), "anna", decoder)
    assert torch.equal(recording.wave, channels[:, 0])


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "is empty"),
        (b"This is what the speaker says.\n" * 20, "cannot be read as audio"),
        (b"RIFF", "cannot be read as audio"),
        (encoded(torch.zeros(0), 24_000, "WAV", "PCM_16"), "holds no samples"),
        (encoded(torch.full((9,), float("nan")), 24_000, "WAV", "FLOAT"), "NaN or infinite"),
        (encoded(torch.full((9,), float("inf")), 24_000, "WAV", "FLOAT"), "NaN or infinite"),
        (encoded(torch.zeros(240_001), 8000, "WAV", "PCM_U8"), "is 30.00 s long, longer than 30"),
    ],
    ids=["empty", "text", "four-bytes", "no-samples", "nan", "inf", "too-long"],
)
def test_what_cannot_be_used_is_refused_by_name(raw: bytes, problem: str, decoder: Decoder) -> None:
    with pytest.raises(AudioError) as caught:
        decode_audio(raw, "speakers/anna.wav", decoder)
    assert caught.value.problem.startswith("speakers/anna.wav: ")
    assert problem in caught.value.problem
    assert caught.value.hint


def test_without_a_decoder_one_is_started_and_ended() -> None:
    assert decode_audio(encoded(tone(1.0, 8000), 8000, "WAV", "PCM_16"), "anna").seconds == 1.0


def test_a_recording_made_by_a_program_is_checked_too() -> None:
    with pytest.raises(AudioError, match="anna: holds no samples"):
        Recording("anna", torch.zeros(0), 24_000)


# Resampling


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 22_050, 44_100, 48_000, 192_000])
def test_a_tone_survives_resampling(rate_hz: int) -> None:
    resampled = resample(tone(1.0, rate_hz), rate_hz, 24_000)
    assert resampled.dtype == torch.float32
    assert len(resampled) == 24_000
    assert (resampled - tone(1.0, 24_000))[500:-500].abs().max() < 1e-3


def test_an_equal_rate_changes_nothing() -> None:
    wave = tone(0.1, 24_000)
    assert torch.equal(resample(wave, 24_000, 24_000), wave)


def test_a_rate_without_a_common_divisor_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="sample rate of 44101 Hz is not supported"):
        resample(torch.zeros(100), 44_101, 16_000)


# Writing


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


def test_the_file_mode_is_that_of_any_new_file(tmp_path: Path) -> None:
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
        "from podtts.audio.io import WavWriter\n"
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


def test_a_full_disk_is_said_and_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on file sizes stands in for the disk; it holds for a process of its own alone."""
    target = tmp_path / "episode.wav"
    target.write_bytes(b"old")
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
        "import resource, torch\n"
        "from pathlib import Path\n"
        "from podtts.audio.io import WavWriter\n"
        "from podtts.errors import UsageError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        f"    with WavWriter(Path({str(target)!r})) as writer:\n"
        "        for _ in range(10):\n"
        "            writer.write(torch.zeros(24000))\n"
        "except UsageError as error:\n"
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
        heard = bytes.fromhex(process.stdout.read().decode())
    assert heard == b"".join(map(to_pcm16, turns))
    assert stream.samples == 18_000


def test_a_stream_kept_as_a_file_is_a_readable_wav() -> None:
    kept = io.BytesIO()
    with WavStream(kept) as stream:
        stream.write(tone(0.5, 24_000))
    raw = kept.getvalue()
    assert raw[4:8] == raw[40:44] == b"\xff\xff\xff\xff"
    assert len(raw) == 44 + 24_000
    samples, rate_hz = soundfile.read(io.BytesIO(raw), dtype="int16")
    assert (len(samples), rate_hz) == (12_000, 24_000)
    assert np.array_equal(samples, np.frombuffer(raw[44:], "<i2"))
    with wave_module.open(io.BytesIO(raw)) as file:
        assert file.readframes(12_000) == raw[44:]
