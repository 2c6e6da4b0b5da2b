"""Batches that are stopped, and workers that are killed: real processes, real signals."""

import json
import os
import signal
from pathlib import Path

import pytest
from support.commands import run, started
from support.gates import gate
from support.golden_data import MODEL
from support.worker_processes import wait_for_end, worker_process

FLAGS = (
    *("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "25", "--dtype", "float32"),
    *("--format", "opus", "--page", "--subtitles", "srt", "--split", "turns"),
)
NAMES = [f"e{number}" for number in range(8)]
TURNS = 5


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scripts") / "all.jsonl"
    with path.open("w") as file:
        for name in NAMES:
            turns = [
                ["anna" if number % 2 else "ben", f"{name}, {number}"] for number in range(TURNS)
            ]
            file.write(json.dumps({"id": name, "turns": turns}) + "\n")
    return path


@pytest.fixture(scope="module")
def whole(scripts: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The episodes of a run that nothing happened to."""
    output = tmp_path_factory.mktemp("whole")
    run("batch", scripts, "-o", output, *FLAGS, "--threads", "1", "--cache-dir", prepared).done()
    return output


def episodes(output: Path) -> dict[str, bytes]:
    """Every file of a folder but journals, summary and lock."""
    files = [path for path in output.rglob("*") if path.is_file()]
    found = {path.relative_to(output).as_posix(): path.read_bytes() for path in files}
    own = (".podtts-batch.lock", "summary.jsonl")
    return {name: raw for name, raw in found.items() if name not in own and ".podtts/" not in name}


def once_each(output: Path, whole: Path) -> bool:
    """Whether every id has one line, and the files of a whole run to the byte."""
    lines = [json.loads(line) for line in (output / "summary.jsonl").read_text().splitlines()]
    assert sorted(line["id"] for line in lines) == NAMES
    assert {line["state"] for line in lines} == {"done"}
    assert len(episodes(whole)) == len(NAMES) * (3 + TURNS)
    return episodes(output) == episodes(whole)


def turns_kept(output: Path) -> int:
    lines = [path.read_text().splitlines()[1:] for path in output.glob("*.podtts/turns.jsonl")]
    return sum(map(len, lines))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_turns_end_and_the_same_command_goes_on(
    number: signal.Signals, scripts: Path, whole: Path, prepared: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    command = ("batch", scripts, "-o", output, *FLAGS, "--threads", "1", "--cache-dir", prepared)
    # Two side by side: when one is done, others are not begun, as the batch waits to be read.
    with started(*command, "--batch", "2", "--verbose") as running:
        running.wait_for(": done")
        running.process.send_signal(number)
        stopped = running.finish()
    assert stopped.code == 128 + number
    assert (
        f"podtts: stopped ({number.name}); run the same command again to continue" in stopped.said
    )
    kept = turns_kept(output)
    assert TURNS <= kept < TURNS * len(NAMES)
    result = run(*command).done()
    assert once_each(output, whole)
    assert turns_kept(output) == TURNS * len(NAMES)  # none was spoken twice
    assert "done before" in result.stderr


def test_a_second_signal_ends_a_batch_at_once(
    scripts: Path, whole: Path, prepared: Path, tmp_path: Path
) -> None:
    """The turn that the first signal lets end is held at a gate that never opens."""
    output = tmp_path / "out"
    command = ("batch", scripts, "-o", output, *FLAGS, "--threads", "1", "--cache-dir", prepared)
    with (
        gate(tmp_path / "gate", "*.podtts/turn-0003*") as held,
        started(*command, "--batch", "1", env=held.env) as running,
    ):
        worker = held.wait_for_arrival(running)
        running.process.send_signal(signal.SIGTERM)
        running.wait_for("send it again to stop at once")
        running.process.send_signal(signal.SIGINT)
        stopped = running.finish()
        wait_for_end(worker)
    assert stopped.code == 128 + signal.SIGINT
    assert stopped.said[-1] == "podtts: stopped (SIGINT)"
    assert turns_kept(output) == 2
    run(*command).done()
    assert once_each(output, whole)


def test_after_a_killed_driver_the_same_command_goes_on(
    scripts: Path, whole: Path, prepared: Path, tmp_path: Path
) -> None:
    """Killed again and again, a little later each time; its worker ends with it."""
    output = tmp_path / "out"
    command = ("batch", scripts, "-o", output, *FLAGS, "--threads", "1", "--cache-dir", prepared)
    for done in range(2):
        with started(*command, "--verbose") as running:
            worker = worker_process(running, 1)
            for _ in range(done + 1):
                running.wait_for(": done")
            running.process.kill()
            assert running.finish().code == -signal.SIGKILL
        wait_for_end(worker)
    run(*command).done()
    assert once_each(output, whole)


def test_scripts_of_a_killed_worker_are_spoken_by_another(
    scripts: Path, whole: Path, prepared: Path, tmp_path: Path
) -> None:
    """Nobody gets beyond the second turn of a script before a third worker is there."""
    output = tmp_path / "out"
    command = ("batch", scripts, "-o", output, *FLAGS, "--threads", "1", "--cache-dir", prepared)
    flags = ("--workers", "2", "--batch", "1", "--verbose")
    with (
        gate(tmp_path / "gate", "*.podtts/turn-0003*") as held,
        started(*command, *flags, env=held.env) as running,
    ):
        running.wait_for("worker 1, process ")  # it waits to be read, and then gives out scripts
        os.kill(held.wait_for_arrival(running), signal.SIGKILL)  # two turns of a script are kept
        worker_process(running, 3)  # hired in place of the one that died
        held.open()
        result = running.finish()
    assert result.code == 0, result.stderr
    assert once_each(output, whole)


def test_a_worker_that_loads_while_the_driver_is_killed_ends_in_silence(
    scripts: Path, own_cache: Path, tmp_path: Path
) -> None:
    command = ("batch", scripts, "-o", tmp_path / "out", *FLAGS, "--cache-dir", own_cache)
    with (
        gate(tmp_path / "gate", "*/quantized/*") as held,
        started(*command, "--quantize", "int8", env=held.env) as running,
    ):
        running.wait_for("workers 1")
        worker = held.wait_for_arrival(running)
        running.process.kill()
        running.process.wait()
        held.open()
        rest = running.finish().stderr.partition("workers 1\n")[2]
        wait_for_end(worker)
    assert rest == ""
