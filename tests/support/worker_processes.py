"""The workers of a batch as processes, found by a test and seen to end."""

import os
import re
import time
from pathlib import Path

from support.commands import Running


def worker_process(running: Running, number: int) -> int:
    """The process of a worker, which `batch --verbose` names when the worker has its models."""
    words = f"worker {number}, process "
    lines = [line for line in running.heard if words in line] or [running.wait_for(words)]
    process_id = re.search(r"process (\d+)", lines[0])
    assert process_id
    return int(process_id[1])


def wait_for_end(process_id: int) -> None:
    """Wait until a process that is no child of this one has ended; the test's time limit holds."""
    while _is_at_work(process_id):
        time.sleep(0.02)


def _is_at_work(process_id: int) -> bool:
    """Whether a process is there; one that has ended but that nobody has collected is not."""
    try:
        os.kill(process_id, 0)
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it was collected just now, or there is no /proc on this system
        return not Path("/proc/self").exists()
    return state not in "ZX"
