"""A worker under a real limit of memory: it continues with fewer scripts, and loses no turn."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
from support import batch_worker
from support.commands import environment

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux limits the memory a process may hold"
)

ROWS = 512  # the keys and values of so many are 256 MiB, beside the 120 MiB there will be

# Synthesizes tasks of its own; one script has a second turn of 4,003 text tokens,
# which are all read at once.
LIMITED = """
import json, resource, sys, threading
from dataclasses import replace
from pathlib import Path
from support import batch_worker
from podtts.script.parse import parse_script

said, started, folder = [], [], Path(sys.argv[1])
worker = batch_worker.new_worker(folder, int(sys.argv[2]), warn=said.append)
batch_worker.synthesize(folder, batch_worker.task("first"))  # all that is loaded late is loaded now
status = Path("/proc/self/status").read_text().splitlines()
[held] = [int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:")]
resource.setrlimit(resource.RLIMIT_DATA, (held + 120 * 2**20, resource.RLIM_INFINITY))
start = threading.Thread.start
threading.Thread.start = lambda thread: (started.append(thread.name), start(thread))
tasks = [batch_worker.task(f"e{number}") for number in range(5)]
endless = parse_script("[A] Well.\\n[B] " + "and so on " * 800)
tasks.insert(2, replace(batch_worker.task("endless"), script=endless))
outcomes = [answer.result() for answer in [worker.submit(one) for one in tasks]]
worker.close()
found = {"said": said, "started": started, "outcomes": [one.record() for one in outcomes]}
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """What such a worker wrote and said."""
    folder = tmp_path_factory.mktemp("limited")
    own = environment(None)
    own["PYTHONPATH"] += f":{Path(batch_worker.__file__).parents[1]}"
    program = [sys.executable, "-c", LIMITED, str(folder), str(ROWS)]
    done = subprocess.run(program, env=own, stdout=subprocess.PIPE, check=True)
    return folder, json.loads(done.stdout)


def test_rows_are_halved_until_they_fit(limited: tuple[Path, dict[str, Any]]) -> None:
    said = limited[1]["said"]
    assert said[0].startswith("out of memory while prefilling the prompts with 512 scripts")
    assert said[0].endswith(": continuing with 256")
    assert said[-1].endswith((": continuing with 256", ": continuing with 128"))  # after `endless`


def test_no_thread_is_started_when_memory_is_short(limited: tuple[Path, dict[str, Any]]) -> None:
    """One that gets no memory before it says that it has begun lets its starter wait for ever."""
    assert limited[1]["started"] == []


def test_what_needs_too_much_by_itself_fails_alone(limited: tuple[Path, dict[str, Any]]) -> None:
    folder, told = limited
    assert "2 scripts at a time: continuing with 1" in "\n".join(told["said"])
    states = {one["id"]: one["state"] for one in told["outcomes"]}
    assert states == {f"e{number}": "done" for number in range(5)} | {"endless": "failed"}
    [failed] = [one for one in told["outcomes"] if one["state"] == "failed"]
    assert failed["error"] == "out of memory while prefilling a turn, with no other script"
    assert "shorter turns" in failed["hint"]
    assert len((folder / "endless.wav.podtts/turns.jsonl").read_text().splitlines()) == 2


def test_no_turn_is_lost_or_synthesized_twice(
    limited: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    tasks = [batch_worker.task(f"e{number}") for number in range(5)]
    batch_worker.synthesize(tmp_path, *tasks)
    for one in tasks:
        lines = (limited[0] / f"{one.id}.wav.podtts/turns.jsonl").read_text().splitlines()[1:]
        assert [json.loads(line)["turn"] for line in lines] == [1, 2, 3]
        ours, theirs = (
            soundfile.read(folder / f"{one.id}.wav", dtype="int16")[0].tolist()
            for folder in (limited[0], tmp_path)
        )
        assert ours == theirs
