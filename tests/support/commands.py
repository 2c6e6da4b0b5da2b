"""Runs `podtts` in a process of its own, as a shell would."""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from support import warm_start
from support.line_pipe import line_pipe
from support.warm_start import ForkedProcess

_SOURCES = Path(__file__).resolve().parents[2] / "src"
Process = subprocess.Popen[bytes] | ForkedProcess


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a command."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def lines(self) -> list[str]:
        """Lines of stdout."""
        return self.stdout.decode().splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def said(self) -> list[str]:
        """Lines of stderr."""
        return self.stderr.splitlines()

    @property
    def error(self) -> str:
        """The error line, which must be the only output of a failed command."""
        assert self.code != 0
        assert len(self.said) == 1, self.stderr
        assert self.said[0].startswith("podtts: "), self.stderr
        assert not self.stdout, self.stdout
        return self.said[0].removeprefix("podtts: ")

    def done(self) -> "Result":
        """Return this result; fails if the command failed."""
        assert self.code == 0, self.stderr
        return self


class Running:
    """A running command, never far ahead of the test.

    When the test has read a line of stderr, the command gets at most to the second line after it:
    there it waits until the test reads on. Tests rely on this instead of on their speed.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.heard: list[str] = []  # lines of stderr so far
        self._unread: deque[str] = deque()  # lines that came together with the last of these

    @property
    def stdout(self) -> IO[bytes]:
        assert self.process.stdout
        return self.process.stdout

    def wait_for(self, words: str) -> str:
        """Read stderr up to a line that contains `words`; return the line."""
        while True:
            while self._unread:
                self.heard.append(self._unread.popleft())
                if words in self.heard[-1]:
                    return self.heard[-1]
            if not self.read_on():
                raise AssertionError(f"ended without printing {words!r}: {''.join(self.heard)}")

    def read_on(self) -> bool:
        """Read what comes next on stderr, for `wait_for`; return whether there was anything."""
        assert self.process.stderr
        part = os.read(self.process.stderr.fileno(), 2**16)
        self._unread.extend(part.decode().splitlines(keepends=True))
        return bool(part)

    def finish(self) -> Result:
        """Wait for the end; stdout of the result is what was not read before."""
        rest, stderr = self.process.communicate()
        said = "".join([*self.heard, *self._unread]) + stderr.decode()
        return Result(self.process.wait(), rest or b"", said)


def run(
    *arguments: str | Path,
    stdin: str | bytes = b"",
    stdout: int = subprocess.PIPE,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    namespaces: Sequence[str] = (),
) -> Result:
    """Run a command to its end.

    env: in addition to the environment of the test. namespaces: files of those that it runs in.
    """
    content = stdin.encode() if isinstance(stdin, str) else stdin
    if warm_start.is_possible(env or {}):
        folder, variables = cwd or Path.cwd(), environment(env)
        words = [*map(str, arguments)]
        code, out, err = warm_start.run_in_fork(
            words, folder, variables, content, stdout, namespaces
        )
        return Result(code, out, err.decode())
    assert not namespaces, "only a fork can enter them"
    done = subprocess.run(
        _command(arguments),
        input=content,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=environment(env),
        check=False,
    )
    return Result(done.returncode, done.stdout or b"", done.stderr.decode())


def run_script(script: str, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Result:
    """Run a Python program that ends with the command line's main()."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(env),
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


def run_and_list_modules(*arguments: str | Path) -> tuple[Result, set[str]]:
    """Run a command to its end; also return the top-level modules that it imported."""
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: sys.stderr.write(' '.join(sys.modules)))\n"
        "from podtts.cli.app import main\n"
        "main()\n"
    )
    result = run_script(script, *arguments)
    *said, modules = result.stderr.split("\n")
    plain = Result(result.code, result.stdout, "\n".join(said))
    return plain, {name for name in modules.split() if "." not in name}


@contextmanager
def started(
    *arguments: str | Path,
    stdout_in_lines: bool = False,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    script: str | None = None,
    is_child: bool = False,
) -> Iterator[Running]:
    """Start a command; it is killed at the end of the block if it still runs.

    script: a Python program that ends with the command line's main(); None: podtts itself.
    stdout_in_lines: it also waits until its lines on stdout are read.
    env: in addition to the environment of the test.
    is_child: of this process.
    """
    reader, stderr = line_pipe()
    lines, stdout = line_pipe() if stdout_in_lines else os.pipe()
    try:
        if script is None and not is_child and warm_start.is_possible(env or {}):
            process = in_fork(*arguments, cwd=cwd, env=env, stdout=stdout, stderr=stderr)
        else:
            process = _child(_command(arguments, script), cwd, environment(env), stdout, stderr)
    finally:
        os.close(stdout)
        os.close(stderr)
    process.stdout = os.fdopen(lines, "rb", buffering=0)
    process.stderr = os.fdopen(reader, "rb", buffering=0)
    with process:
        try:
            yield Running(process)
        finally:
            process.kill()


def in_fork(
    *arguments: str | Path,
    stdout: int,
    stderr: int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Process:
    """Start a command in a fork of a warm Python. stdout, stderr: descriptors."""
    words, folder = [*map(str, arguments)], cwd or Path.cwd()
    with Path(os.devnull).open() as nothing:
        streams = (nothing.fileno(), stdout, stderr)
        return warm_start.start_in_fork(words, folder, environment(env), streams)


def _child(
    command: list[str], cwd: Path | None, variables: Mapping[str, str], stdout: int, stderr: int
) -> Process:
    # Background jobs of a shell ignore SIGINT, and child processes inherit that; they do not
    # inherit a handler.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=variables,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a command: that of the test without settings of its Python."""
    inherited = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    return inherited | {"PYTHONPATH": str(_SOURCES)} | dict(extra or {})


def _command(arguments: tuple[str | Path, ...], script: str | None = None) -> list[str]:
    program = ("-m", "podtts") if script is None else ("-c", script)
    return [sys.executable, *program, *map(str, arguments)]
