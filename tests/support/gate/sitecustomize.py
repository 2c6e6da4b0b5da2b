"""Holds a process at a gate of support/gates.py; Python runs this first where it is on the path."""

import fnmatch
import os
import sys

_PATTERN, _ARRIVALS, _GATE = (os.environ[f"GATE_{name}"] for name in ("FILES", "ARRIVALS", "FIFO"))


def _wait(event: str, arguments: tuple[object, ...]) -> None:
    if event == "os.rename" and fnmatch.fnmatch(str(arguments[1]), _PATTERN):
        arrivals = os.open(_ARRIVALS, os.O_WRONLY)
        os.write(arrivals, f"{os.getpid()}\n".encode())
        os.close(arrivals)
        os.close(os.open(_GATE, os.O_RDONLY))  # waits until somebody may write to it


sys.addaudithook(_wait)
