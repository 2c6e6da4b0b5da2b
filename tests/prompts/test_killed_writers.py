"""Writers killed at every step: all visible entries are complete, and leftovers are removed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import podtts
from podtts.prompts.cache import PromptCache, PromptKey
from podtts.storage import atomic

SOURCE = Path(podtts.__file__).parents[1]
KILLS = 240


def test_writers_killed_at_every_step_leave_only_complete_entries(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    server = Path(__file__).parents[1] / "support" / "fork_server.py"
    cache = PromptCache(root, pytest.fail)
    steps = set()
    with subprocess.Popen(
        [sys.executable, str(server), str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    ) as forking:
        assert forking.stdin is not None
        assert forking.stdout is not None
        for instant in range(KILLS):
            forking.stdin.write(f"{instant}\n")
            forking.stdin.flush()
            steps.add(forking.stdout.readline().strip())
            for path, problem in cache.verify():
                assert problem is None, f"killed at {instant}: {path}: {problem}"
        forking.stdin.close()
    assert forking.returncode == 0

    # Three entries were written repeatedly, so kills came before, in and after every step.
    assert len(cache.entries()) == 4
    assert not (root / "quarantine").exists()
    lines = {int(step.removeprefix("atomic.py:")) for step in steps if step.startswith("atomic")}
    first = atomic.write_atomically.__code__.co_firstlineno
    assert len({line for line in lines if first < line < first + 20}) >= 8

    left = sorted((root / "prompts").glob(".podtts-*.tmp"))
    assert len(left) > KILLS // 10
    day_old = time.time() - atomic.STALE_SECONDS - 60
    for path in left[1:]:
        os.utime(path, (day_old, day_old))
    tensors = cache.find(PromptKey("1" * 64, "e" * 64, 1))
    assert tensors is not None
    PromptCache(root, pytest.fail).store(PromptKey("a" * 64, "e" * 64, 1), tensors)
    assert sorted((root / "prompts").glob(".podtts-*.tmp")) == left[:1]  # its writer may still run
