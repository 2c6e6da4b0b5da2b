"""A worker that is killed while it gives files their names; the next finishes its work."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support import batch_worker
from support.commands import environment

from podtts.batch.task import Task
from podtts.publish.publish_options import BESIDE, PublishOptions

FILES = PublishOptions(format="opus", subtitles=("srt",), splits=("turns",), page=BESIDE)

# Synthesizes the task of these tests, and kills itself when a file is about to get a name.
KILLED = """
import os, signal, sys
from pathlib import Path
from podtts.publish.publish_options import BESIDE, PublishOptions
from support import batch_worker
from dataclasses import replace

def watch(event, arguments):
    if event == "os.rename" and os.path.basename(arguments[1]) == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
files = PublishOptions(format="opus", subtitles=("srt",), splits=("turns",), page=BESIDE)
batch_worker.synthesize(Path(sys.argv[1]), replace(batch_worker.task("e", 2), publishing=files))
"""


def task() -> Task:
    return replace(batch_worker.task("e", 2), publishing=FILES)


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
    return {name: raw for name, raw in names.items() if not name.startswith("e.opus.podtts/")}


@pytest.mark.parametrize("name", ["e.turns", "e.srt", "e.html", "e.opus"])
def test_the_next_run_finishes_what_was_killed(name: str, tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    own = environment(None)
    own["PYTHONPATH"] += os.pathsep + str(Path(batch_worker.__file__).parents[1])
    program = [sys.executable, "-c", KILLED, str(killed), name]
    assert subprocess.run(program, env=own, check=False).returncode == -signal.SIGKILL
    assert not (killed / name).exists()
    assert len(files(killed)) < 5
    assert not [path for path in killed.iterdir() if path.name.startswith(".")]
    [outcome] = batch_worker.synthesize(killed, task())
    assert (outcome.state, outcome.kept_turns) == ("done", 2)
    batch_worker.synthesize(whole, task())
    assert len(files(whole)) == 5
    assert files(killed) == files(whole)
    assert {path.suffix for path in (killed / "e.opus.podtts").iterdir()} == {
        ".jsonl",
        ".safetensors",
        "",
    }
