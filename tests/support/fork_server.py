"""Writers for test_killed_writers.py: a process that has loaded everything and forks one a line.

Each line of stdin holds the number of an instant. The writer forked for it puts entries, reports
every line of podtts it is about to execute and waits for leave to go on; at that instant it is
killed in place of the leave. Printed for each: what the writer was about to execute.

usage: python fork_server.py ROOT
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from podtts.prompts.cache import PromptCache, PromptKey
from podtts.storage.sealed import Array

_WATCHED = ("atomic.py", "cache.py")


def main() -> None:
    cache = PromptCache(Path(sys.argv[1]), sys.exit)
    # The first entry of a run sweeps, which takes the longer the more is left behind: done here.
    cache.store(PromptKey("0" * 64, "e" * 64, 1), _tensors(1))
    for line in sys.stdin:
        sys.stdout.write(f"{_killed_at(int(line), cache)}\n")
        sys.stdout.flush()


def _killed_at(instant: int, cache: PromptCache) -> str:
    reports, leave = os.pipe(), os.pipe()
    writer = os.fork()
    if not writer:
        _write_for_ever(cache, reports[1], leave[0])
    os.close(reports[1])
    os.close(leave[0])
    with os.fdopen(reports[0]) as reported:
        for _ in range(instant):
            reported.readline()
            os.write(leave[1], b".")
        last = reported.readline().strip()
        os.kill(writer, signal.SIGKILL)
    os.close(leave[1])
    _, status = os.waitpid(writer, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    return last


def _write_for_ever(cache: PromptCache, reports: int, leave: int) -> None:
    def step(frame: FrameType, event: str, argument: Any) -> Any:
        name = os.path.basename(frame.f_code.co_filename)  # noqa: PTH119 (nothing slow in here)
        if name not in _WATCHED:
            return None
        if event == "line":
            os.write(reports, f"{name}:{frame.f_lineno}\n".encode())
            os.read(leave, 1)
        return step

    sys.settrace(step)
    number = 0
    while True:
        number = number % 3 + 1
        cache.store(PromptKey(str(number) * 64, "e" * 64, 1), _tensors(number))


def _tensors(number: int) -> dict[str, Array]:
    return {
        "speech_tokens": np.full(number, number, np.int32),
        "mel": np.full((2 * number, 80), number, np.float32),
        "speaker_embedding": np.full(192, number, np.float32),
    }


if __name__ == "__main__":
    main()
