"""Runs commands in forks of a Python that has imported what they need, which takes them longest.

What runs is `python -m podtts` in a process of its own: its streams, folder, variables, signals and
end are those of a program that was started anew.
"""

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

_TESTS = Path(__file__).parents[1]
_LONGEST_ANSWER = 64  # bytes
# Of variables that the loader of programs, Python and torch read when they start.
_READ_AT_START = ("LD_", "PYTHON", "LC_", "LANG", "MALLOC_", "OMP_", "GOMP_", "MKL_", "TORCH")
# There is a server for each value of these: a library in place of others, and where it writes what
# it sees, also while modules are imported.
_OF_A_SERVER = ("LD_PRELOAD", "WANTED")


def is_possible(variables: Mapping[str, str]) -> bool:
    """Whether a command may run in a fork, with these variables of its own."""
    names = {*variables} - {*_OF_A_SERVER}
    if "GATE_FILES" in names:  # the fork does itself what Python would find there: see gates.py
        names.remove("PYTHONPATH")
    return hasattr(os, "pidfd_open") and not any(name.startswith(_READ_AT_START) for name in names)


def shell_command() -> str:
    """Shell code that becomes `podtts`, for a shell that adds the arguments."""
    if not is_possible({}):
        return f"exec {sys.executable} -m podtts"
    client = Path(__file__).with_name("warm_client.py")
    return f"exec {sys.executable} -S {client} {_server_address(os.getpid())}"


class ForkedProcess:
    """A command in a fork, with what tests use of `subprocess.Popen`."""

    def __init__(self, client: socket.socket, process_id: int) -> None:
        self.pid = process_id
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        self.returncode: int | None = None
        self._client = client

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises TimeoutExpired after so many seconds."""
        if self.returncode is None:
            ready, _, _ = select.select([self._client], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired("podtts", timeout or 0)
            self.returncode = int(self._client.recv(_LONGEST_ANSWER))
            self._client.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self) -> tuple[bytes, bytes]:
        """Read both streams to their ends, and wait for that of the process."""
        with ThreadPoolExecutor(2) as threads:
            outputs = [
                threads.submit(stream.read) if stream and not stream.closed else None
                for stream in (self.stdout, self.stderr)
            ]
            stdout, stderr = (output.result() if output else b"" for output in outputs)
        self.wait()
        return stdout, stderr

    def __enter__(self) -> "ForkedProcess":
        return self

    def __exit__(self, *error: object) -> None:
        for stream in (self.stdout, self.stderr):
            if stream:
                stream.close()
        self.wait()


def start_in_fork(
    arguments: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    streams: Sequence[int],
    namespaces: Sequence[str] = (),
) -> ForkedProcess:
    """Start a command.

    streams: descriptors of its stdin, stdout and stderr. namespaces: files of those that it enters.
    """
    request = {
        "arguments": arguments,
        "folder": str(folder),
        "variables": dict(variables),
        "namespaces": namespaces,
    }
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    of_server = ((name, variables[name]) for name in _OF_A_SERVER if name in variables)
    client.connect(_server_address(os.getpid(), *of_server))
    socket.send_fds(client, [json.dumps(request).encode()], streams)
    return ForkedProcess(client, int(client.recv(_LONGEST_ANSWER)))


def run_in_fork(
    arguments: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    stdin: bytes,
    stdout: int,
    namespaces: Sequence[str] = (),
) -> tuple[int, bytes, bytes]:
    """Run a command to its end; returns its exit code, its stdout and its stderr.

    stdout: a descriptor, or `subprocess.PIPE`. namespaces: see `start_in_fork`.
    """
    with ThreadPoolExecutor(3) as threads:
        with ExitStack() as theirs:

            def kept(descriptor: int) -> int:
                theirs.callback(os.close, descriptor)
                return descriptor

            reader, writer = os.pipe()
            streams = [kept(reader)]
            threads.submit(_write, writer, stdin)
            outputs: list[Future[bytes]] = []
            for descriptor in (stdout, subprocess.PIPE):
                if descriptor == subprocess.PIPE:
                    reader, descriptor = os.pipe()
                    kept(descriptor)
                    outputs.append(threads.submit(_read, reader))
                streams.append(descriptor)
            process = start_in_fork(arguments, folder, variables, streams, namespaces)
        code = process.wait()
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
def _server_address(owner: int, *variables: tuple[str, str]) -> str:
    """Start the server of a process, `owner`, with variables; it ends when that process does."""
    folder = TemporaryDirectory()
    path = f"{folder.name}/socket"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen()
    inherited = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    source = str(_TESTS.parent / "src")
    server = subprocess.Popen(
        [sys.executable, "-m", "support.warm_server", str(listener.fileno())],
        pass_fds=[listener.fileno()],
        stdin=subprocess.DEVNULL,
        env=inherited | dict(variables) | {"PYTHONPATH": f"{source}{os.pathsep}{_TESTS}"},
    )
    listener.close()

    def end() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.connect(path)
        server.wait()
        folder.cleanup()

    atexit.register(end)
    return path
