"""Writers for test_killed_writers.py: forks a writer after all imports for every line of stdin.

Each line is a number of steps. The writer stores entries; before every line of podtts code it
reports the line and waits for permission to continue. After that number of steps it is killed
instead. The program prints the line that the writer was about to execute.

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
    # The first write of a run removes leftovers, which takes longer the more there are: done here.
    cache.store(PromptKey("0" * 64, "e" * 64, 1), _tensors(1))
    for line in sys.stdin:
        sys.stdout.write(f"{_killed_at(int(line), cache)}\n")
        sys.stdout.flush()


def _killed_at(steps: int, cache: PromptCache) -> str:
    reports, permissions = os.pipe(), os.pipe()
    writer = os.fork()
    if not writer:
        _write_forever(cache, reports[1], permissions[0])
    os.close(reports[1])
    os.close(permissions[0])
    with os.fdopen(reports[0]) as reported:
        for _ in range(steps):
            reported.readline()
            os.write(permissions[1], b".")
        last = reported.readline().strip()
        os.kill(writer, signal.SIGKILL)
    os.close(permissions[1])
    _, status = os.waitpid(writer, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    return last


def _write_forever(cache: PromptCache, reports: int, permissions: int) -> None:
    def step(frame: FrameType, event: str, argument: Any) -> Any:
        name = os.path.basename(frame.f_code.co_filename)  # noqa: PTH119 (called for every line: must be fast)
        if name not in _WATCHED:
            return None
        if event == "line":
            os.write(reports, f"{name}:{frame.f_lineno}\n".encode())
            os.read(permissions, 1)
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
