"""Forks that become the workers which a command spawns, with all that they import.

A spawned worker is a new Python that imports torch, which takes most of its time in tests. What
runs in a fork is multiprocessing's own program for it, with the same descriptors, as a child of the
command. Only the environment and the folder are those of the moment; limits of the system are those
of the command's start.
"""

import fcntl
import json
import os
import runpy
import socket
import sys
from collections.abc import Sequence
from multiprocessing import util
from pathlib import Path
from typing import Any, NoReturn

WORKERS = 3  # that a command has ready; more are spawned as always
_FIRST_DESCRIPTOR = 100  # lower ones may be those of closed streams, or what a worker wants
_LONGEST_REQUEST = 2**17
_MOST_DESCRIPTORS = 16

_spawn_for_good = util.spawnv_passfds
_ready: list[tuple[int, socket.socket]] = []  # process and connection of each fork


def hold_at_gate() -> None:
    """Do what Python does at the start where a gate is on its path; see gates.py."""
    if "GATE_FILES" in os.environ:
        runpy.run_path(str(Path(__file__).parent / "gate" / "sitecustomize.py"))


def have_workers_ready(arguments: Sequence[str]) -> None:
    """Fork workers for a command of these arguments, if it is one that spawns some."""
    if arguments[:1] != ["batch"]:
        return
    for _ in range(WORKERS):
        ours, theirs = map(_moved, socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        if not (process := os.fork()):
            for connection in (ours, *(connection for _, connection in _ready)):
                connection.close()
            _wait(theirs)
        theirs.close()
        _ready.append((process, ours))
    util.spawnv_passfds = _spawn  # type: ignore[assignment]


def _moved(connection: socket.socket) -> socket.socket:
    return socket.socket(fileno=_above(connection.detach()))


def _above(descriptor: int) -> int:
    """Give a descriptor a number that no stream has."""
    number = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_DESCRIPTOR)
    os.close(descriptor)
    return number


def _spawn(path: Any, arguments: Sequence[Any], descriptors: Sequence[int]) -> int:
    """Take the place of multiprocessing's own function."""
    words, passed = [*map(os.fsdecode, arguments)], sorted(set(descriptors))
    program = next((word for word in words if "spawn_main" in word), None)
    if program is None or not _ready:  # or it is multiprocessing's tracker of resources
        return _spawn_for_good(path, arguments, descriptors)
    process, connection = _ready.pop(0)
    request = {
        "program": program,
        "arguments": [sys.argv[0], *words[words.index(program) + 1 :]],
        "descriptors": passed,
        "variables": dict(os.environ),
        "folder": str(Path.cwd()),
    }
    with connection:
        socket.send_fds(connection, [json.dumps(request).encode()], passed)
    return process


def _wait(connection: socket.socket) -> NoReturn:
    """Become the worker that the command asks for; end with the command."""
    code: object = 1
    try:
        message, passed, _, _ = socket.recv_fds(connection, _LONGEST_REQUEST, _MOST_DESCRIPTORS)
        connection.close()
        if not message:
            os._exit(0)
        _become(json.loads(message), passed)
    except SystemExit as end:
        code = end.code
    finally:
        os._exit(code if isinstance(code, int) else 1)


def _become(request: dict[str, Any], passed: Sequence[int]) -> None:
    # They come with any numbers, and the program wants those of the command.
    for descriptor, number in zip([*map(_above, passed)], request["descriptors"], strict=True):
        os.dup2(descriptor, number, inheritable=False)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["variables"])
    os.chdir(request["folder"])
    hold_at_gate()
    sys.argv = request["arguments"]
    exec(request["program"], {"__name__": "__main__"})
