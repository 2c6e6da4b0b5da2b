"""Commands whose surroundings change in the middle: readers, folders, workers, other batches."""

import fcntl
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from support.commands import run, started
from support.gates import gate
from support.golden_data import MODEL
from support.worker_processes import worker_process

FLAGS = ("--model", MODEL, "--flow-steps", "2")


def test_a_slow_reader_of_a_pipe_gets_every_byte(
    talk: Path, prepared: Path, tmp_path: Path
) -> None:
    command = ("synth", talk, *FLAGS, "--cache-dir", prepared)
    whole = run(*command, "-o", "-").done().stdout
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)  # the writer waits for every page
    with started(*command, "-o", pipe) as running:
        running.wait_for("model ")
        # Nothing is read while the run waits: it writes its header, and then no further page.
        parts = [_first_part(reader)]
        while part := os.read(reader, 1000):
            parts.append(part)
        result = running.finish()
    os.close(reader)
    assert result.code == 0, result.stderr
    assert b"".join(parts) == whole


def _first_part(reader: int) -> bytes:
    """Read from a pipe that its writer may not have opened yet, when an end would be no end."""
    while not (part := os.read(reader, 1000)):
        pass
    return part


def is_stopped(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_a_run_that_is_suspended_goes_on(
    talk: Path, prepared: Path, episode: bytes, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """In `make torture`, it is suspended for a minute each time."""
    seconds = 60 if request.config.getoption("torture") else 0
    out = tmp_path / "out.wav"
    command = ("synth", talk, "-o", out, *FLAGS, "--cache-dir", prepared, "--verbose")
    with started(*command, is_child=True) as running:
        for _ in range(3):
            running.wait_for("stage=vocoder")
            running.process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, running.process.pid, os.WSTOPPED | os.WNOWAIT)
            assert is_stopped(running.process.pid)
            time.sleep(seconds)
            running.process.send_signal(signal.SIGCONT)
        result = running.finish()
    assert result.code == 0, result.stderr
    assert out.read_bytes() == episode


@pytest.fixture
def scripts(talk: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "scripts"
    folder.mkdir()
    for name in ("e1", "e2"):
        (folder / f"{name}.txt").write_bytes(talk.read_bytes())
    return folder


def episodes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.wav")}


def test_a_killed_worker_does_not_let_a_second_batch_into_the_folder(
    scripts: Path, prepared: Path, tmp_path: Path
) -> None:
    whole, output = tmp_path / "whole", tmp_path / "out"
    flags = (*FLAGS, "--cache-dir", prepared, "--threads", "1")
    run("batch", scripts, "-o", whole, *flags).done()
    command = ("batch", scripts, "-o", output, *flags, "--verbose")
    with (
        gate(tmp_path / "gate", "*.podtts/turn-0002*") as held,
        started(*command, env=held.env) as running,
    ):
        running.wait_for("worker 1, process ")
        worker = held.wait_for_arrival(running)
        refused = run(*command)
        assert refused.code == 2
        assert f"another run is writing to {output}" in refused.said[-1]
        os.kill(worker, signal.SIGKILL)
        worker_process(running, 2)
        refused = run(*command)  # the folder is still the first batch's
        assert refused.code == 2
        held.open()
        result = running.finish()
    assert result.code == 0, result.stderr
    assert episodes(output) == episodes(whole)
    assert len(episodes(output)) == 2


def test_a_batch_whose_folder_is_removed_says_so(
    scripts: Path, prepared: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    flags = (*FLAGS, "--cache-dir", prepared, "--threads", "1", "--batch", "1")
    command = ("batch", scripts, "-o", output, *flags, "--verbose")
    with (
        gate(tmp_path / "gate", "*.podtts/turn-0002*") as held,
        started(*command, env=held.env) as running,
    ):
        running.wait_for("worker 1, process ")
        held.wait_for_arrival(running)
        shutil.rmtree(output)
        held.open()
        result = running.finish()
    assert result.code in (1, 5)
    assert "Traceback" not in result.stderr
    assert "was removed" in result.stderr
    run(*command).done()
    lines = [json.loads(line) for line in (output / "summary.jsonl").read_text().splitlines()]
    assert [line["state"] for line in lines] == ["done", "done"]
