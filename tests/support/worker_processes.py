"""The workers of a batch as processes: found, stopped and killed by a test."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.commands import Running


def worker_process(running: Running, number: int) -> int:
    """The process of a worker, which `batch --verbose` names when the worker has its models."""
    words = f"worker {number}, process "
    lines = [line for line in running.heard if words in line] or [running.wait_for(words)]
    process_id = re.search(r"process (\d+)", lines[0])
    assert process_id
    return int(process_id[1])


@contextmanager
def two_stopped_workers(running: Running) -> Iterator[tuple[int, int]]:
    """Stop both workers of a batch, after an episode is done; those that live go on in the end.

    The first is stopped before the second is waited for. So it cannot do all the work alone, and
    there is work for whoever comes later. How much can be done meanwhile is limited, because the
    batch waits with its lines: of eight scripts with a row each, at least two are left.
    """
    stopped: list[int] = []
    try:
        first = worker_process(running, 1)
        running.wait_for(": done")
        for number in (1, 2):
            stopped.append(worker_process(running, number))
            os.kill(stopped[-1], signal.SIGSTOP)
        yield first, stopped[-1]
    finally:
        for process_id in stopped:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGCONT)


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
