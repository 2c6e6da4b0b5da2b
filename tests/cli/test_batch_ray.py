"""Ray on this machine: two actors, and what happens when one of them or the driver is killed."""

import importlib.util
import json
import os
import signal
from pathlib import Path

import pytest
from support.commands import run, run_script, started
from support.gates import gate
from support.golden_data import MODEL
from support.worker_processes import wait_for_end, worker_process

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed"
)

FLAGS = (
    *("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "25", "--dtype", "float32"),
    *("--subtitles", "srt", "--split", "turns"),
)
RAY = ("--ray", "local", "--workers", "2", "--batch", "1", "--verbose")
NAMES = [f"e{number}" for number in range(8)]
# Ray gives up on its own processes when a machine is too busy to start them in a minute, and ends
# its workers when other programs have nearly all of the memory. Its workers have a low priority:
# beside busy programs they would hardly ever compute.
PATIENT = {
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_worker_niceness": "0",
    "RAY_gcs_server_port_wait_time_s": "600",
    "RAY_gcs_server_request_timeout_seconds": "600",
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_health_check_failure_threshold": "100",
}


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scripts") / "all.jsonl"
    with path.open("w") as file:
        for name in NAMES:
            turns = [[("ben", "anna")[number % 2], f"{name}, {number}"] for number in range(6)]
            file.write(json.dumps({"id": name, "turns": turns}) + "\n")
    return path


@pytest.fixture(scope="module")
def whole(scripts: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The episodes of a process of this machine that nothing happened to."""
    output = tmp_path_factory.mktemp("whole")
    run("batch", scripts, "-o", output, *FLAGS, "--threads", "1", "--cache-dir", prepared).done()
    return output


def once_each(output: Path, whole: Path) -> None:
    """Every id has one line, and the files of a whole run to the byte."""
    lines = [json.loads(line) for line in (output / "summary.jsonl").read_text().splitlines()]
    assert sorted(line["id"] for line in lines) == NAMES
    assert {line["state"] for line in lines} == {"done"}
    assert len(files(whole)) == len(NAMES) * (2 + 6)
    assert files(output) == files(whole)


def files(output: Path) -> dict[str, bytes]:
    """Every WAV and subtitle file of a folder."""
    found = [*output.glob("*.wav"), *output.glob("*.srt"), *output.glob("*.turns/*")]
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in found}


def test_scripts_of_a_killed_actor_are_spoken_by_another(
    scripts: Path, whole: Path, prepared: Path, tmp_path: Path
) -> None:
    """Nobody gets beyond the second turn of a script before a third actor is there."""
    command = ("batch", scripts, "-o", tmp_path / "out", *FLAGS, *RAY, "--cache-dir", prepared)
    with (
        gate(tmp_path / "gate", "*.podtts/turn-0003*") as held,
        started(*command, env={**held.env, **PATIENT}) as running,
    ):
        running.wait_for("worker 1, process ")  # it waits to be read, and then gives out scripts
        os.kill(held.wait_for_arrival(running), signal.SIGKILL)  # two turns of a script are kept
        worker_process(running, 3)  # hired in place of the one that died
        held.open()
        result = running.finish()
    assert result.code == 0, result.stderr
    once_each(tmp_path / "out", whole)


def test_after_a_killed_driver_files_may_come_back_to_another(
    scripts: Path, whole: Path, prepared: Path, tmp_path: Path
) -> None:
    """The second driver goes on, though actors then have no folder in common with it."""
    command = ("batch", scripts, "-o", tmp_path / "out", *FLAGS, *RAY, "--cache-dir", prepared)
    with (
        gate(tmp_path / "gate", "*.podtts/turn-0003*") as held,
        started(*command, env={**held.env, **PATIENT}) as running,
    ):
        # Nobody finishes a script before both actors are there. An actor may begin with any of its
        # scripts: its calls run side by side.
        actors = [worker_process(running, number) for number in (1, 2)]
        held.open()
        running.wait_for(": done")  # it waits to be read, and then gives out no more scripts
        running.process.kill()
        assert running.finish().code == -signal.SIGKILL
    for actor in actors:  # else they would go on to write beside those of the second driver
        wait_for_end(actor)
    result = run(*command, "--ray-results", "driver", env=PATIENT).done()
    assert "done before" in result.stderr
    once_each(tmp_path / "out", whole)


def test_workers_that_ray_ends_for_their_memory_have_died(
    scripts: Path, prepared: Path, tmp_path: Path
) -> None:
    """Ray thinks that the memory is full as soon as any of it is used."""
    full = PATIENT | {"RAY_memory_monitor_refresh_ms": "50", "RAY_memory_usage_threshold": "0"}
    ray = ("--ray", "local", "--workers", "1")
    result = run(
        *("batch", scripts, "-o", tmp_path / "out", *FLAGS, *ray, "--cache-dir", prepared), env=full
    )
    assert result.code == 5, result.stderr
    assert "a worker died 3 times while it loaded the model" in result.said[-1]
    assert "memory may be too short" in result.said[-1]


def test_without_ray_or_without_a_cluster_it_is_said(
    scripts: Path, prepared: Path, tmp_path: Path
) -> None:
    command = ("batch", scripts, "-o", tmp_path / "out", *FLAGS, "--cache-dir", prepared, "--ray")
    missing = run_script(
        "import sys\nsys.modules['ray'] = None\nfrom podtts.cli.app import main\nmain()\n",
        *command,
        "local",
    )
    assert missing.code == 2
    assert "--ray needs Ray; run: pip install ray" in missing.error
    nobody = run(*command, "127.0.0.1:1")
    assert nobody.code == 2
    assert "--ray 127.0.0.1:1: " in nobody.error
