"""Named pipes as outputs: readers that are slow, that stop reading, or that are not meant to be."""

import fcntl
import os
import shutil
import signal
import stat
import struct
import sys
import termios
import threading
import time
from pathlib import Path

import pytest
from support.commands import Running, run, started
from support.golden_data import MODEL

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")

_PAGE = 4096


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def flags(cache: Path) -> tuple[str | Path, ...]:
    return ("--model", MODEL, "--cache-dir", cache, "--flow-steps", "1", "--max-turn-tokens", "20")


@pytest.mark.parametrize("kind", ["wav", "opus"])
def test_a_slow_reader_gets_all_of_an_episode(
    kind: str, pipe: Path, talk: Path, prepared: Path
) -> None:
    read: list[bytes] = []

    def read_slowly() -> None:
        with pipe.open("rb", buffering=0) as file:
            while part := file.read(500):
                read.append(part)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    own = (*flags(prepared), "--format", kind)
    run("synth", talk, "-o", pipe, *own)
    reader.join()
    audio = b"".join(read)
    expected = run("synth", talk, "-o", "-", *own).stdout
    # Ogg numbers its streams at random.
    assert audio == expected if kind == "wav" else len(audio) == len(expected)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def wait_until_full(reader: int, running: Running) -> None:
    """Wait until a pipe of two pages holds the header and a page of samples: its writer waits."""
    while struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, b"    "))[0] < _PAGE:
        assert running.process.poll() is None, running.finish().stderr
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux makes pipes small")
@pytest.mark.parametrize(("kind", "to_stdout"), [("wav", False), ("wav", True), ("flac", True)])
def test_a_reader_that_does_not_read_does_not_hold_up_a_signal(
    kind: str, to_stdout: bool, pipe: Path, talk: Path, prepared: Path
) -> None:
    target = "-" if to_stdout else pipe
    command = ("synth", talk, "-o", target, "--format", kind, *flags(prepared))
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with started(*command) as running:
        reader = running.stdout.fileno() if to_stdout else descriptor
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 2 * _PAGE)
        running.wait_for("its speech is noise")  # the last line before the audio
        wait_until_full(reader, running)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait() == 143
    os.close(descriptor)


@pytest.mark.parametrize("flag", ["--page", "--subtitles"])
def test_a_file_does_not_replace_a_pipe(
    flag: str, tmp_path: Path, talk: Path, prepared: Path
) -> None:
    other = tmp_path / ("page.html" if flag == "--page" else "talk.srt")
    os.mkfifo(other)
    value = other if flag == "--page" else "srt"
    result = run("synth", talk, "-o", tmp_path / "talk.wav", flag, value, *flags(prepared))
    assert result.code == 2
    assert result.error == f"{other} is a pipe or a device; choose another name for the file"
    assert stat.S_ISFIFO(other.stat().st_mode)


@pytest.mark.parametrize("name", ["turns.jsonl", "partial.wav", "turn-0001+0.safetensors"])
def test_a_pipe_in_a_journal_is_named(
    name: str, tmp_path: Path, talk: Path, prepared: Path
) -> None:
    output = tmp_path / "talk.wav"
    journal = tmp_path / "talk.wav.podtts"
    journal.mkdir()
    os.mkfifo(journal / name)
    result = run("synth", talk, "-o", output, *flags(prepared))
    assert result.code == 2
    problem = f"{journal / name} is a pipe or a device; move {journal} away to start over"
    assert result.error == problem


def test_a_pipe_in_the_folder_of_a_batch_is_named(
    tmp_path: Path, talk: Path, prepared: Path
) -> None:
    output, scripts = tmp_path / "out", tmp_path / "scripts"
    for folder in (output, scripts, output / "talk.wav.podtts"):
        folder.mkdir()
    shutil.copy(talk, scripts)
    os.mkfifo(output / "talk.wav.podtts" / "turns.jsonl")
    failed = run("batch", scripts, "-o", output, *flags(prepared))
    assert failed.code == 1
    assert "turns.jsonl is a pipe or a device" in failed.stderr
    (output / "summary.jsonl").unlink()
    os.mkfifo(output / "summary.jsonl")
    refused = run("batch", scripts, "-o", output, *flags(prepared))
    assert refused.code == 5
    assert (
        f"{output / 'summary.jsonl'}: cannot be written: it is not a regular file"
        in (refused.said[-1])
    )
