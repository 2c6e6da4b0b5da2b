"""Runs commands in forks of a Python that has imported torch, which takes longer than most of them.

What runs is `python -m podtts` in a process of its own: its streams, folder, variables, signals and
end are those of a program that was started anew.
"""

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

_TESTS = Path(__file__).parents[1]
_LONGEST_ANSWER = 64  # bytes
# Of variables that the loader of programs, Python and torch read when they start.
_READ_AT_START = ("LD_", "PYTHON", "LC_", "LANG", "MALLOC_", "OMP_", "GOMP_", "MKL_", "TORCH")


def is_possible(variables: Mapping[str, str]) -> bool:
    """Whether a command may run in a fork, with these variables of its own."""
    return hasattr(os, "pidfd_open") and not any(
        name.startswith(_READ_AT_START) for name in variables
    )


def run_in_fork(
    arguments: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    stdin: bytes,
    stdout: int,
) -> tuple[int, bytes, bytes]:
    """Run a command to its end; returns its exit code, its stdout and its stderr.

    stdout: a descriptor, or `subprocess.PIPE`.
    """
    request = {"arguments": arguments, "folder": str(folder), "variables": dict(variables)}
    with ExitStack() as ours, ThreadPoolExecutor(3) as threads:
        client = ours.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        client.connect(_server_address(os.getpid()))
        with ExitStack() as theirs:

            def kept(descriptor: int, stack: ExitStack) -> int:
                stack.callback(os.close, descriptor)
                return descriptor

            reader, writer = os.pipe()
            first = kept(reader, theirs)
            threads.submit(_write, writer, stdin)
            outputs: list[Future[bytes]] = []
            streams = [first]
            for descriptor in (stdout, subprocess.PIPE):
                if descriptor == subprocess.PIPE:
                    reader, descriptor = os.pipe()
                    kept(descriptor, theirs)
                    outputs.append(threads.submit(_read, reader))
                streams.append(descriptor)
            socket.send_fds(client, [json.dumps(request).encode()], streams)
        client.recv(_LONGEST_ANSWER)  # the number of the process, which nobody needs
        code = int(client.recv(_LONGEST_ANSWER))
        *out, error = [output.result() for output in outputs]
    return code, out[0] if out else b"", error


def _write(descriptor: int, content: bytes) -> None:
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except BrokenPipeError:
        pass  # the command did not read it


def _read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


@functools.cache
def _server_address(owner: int) -> str:
    """Start the server of a process, `owner`; it ends when that process does."""
    folder = TemporaryDirectory()
    path = f"{folder.name}/socket"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen()
    variables = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    source = str(_TESTS.parent / "src")
    server = subprocess.Popen(
        [sys.executable, "-m", "support.warm_server", str(listener.fileno())],
        pass_fds=[listener.fileno()],
        stdin=subprocess.DEVNULL,
        env=variables | {"PYTHONPATH": f"{source}{os.pathsep}{_TESTS}"},
    )
    listener.close()

    def end() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.connect(path)
        server.wait()
        folder.cleanup()

    atexit.register(end)
    return path
