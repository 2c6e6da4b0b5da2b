"""Starts every command in an odd environment: without streams, folders, rights or variables."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import pytest
from support.commands import Result, environment
from support.every_command import CALLS, command_of, lay_out

_PROGRAM = Path(__file__).with_name("forked_commands.py")
_TESTS = Path(__file__).parents[1]

# The exit codes where nothing disturbs: only a pull fails, because tests are offline.
UNDISTURBED = {call: 4 if command_of(call) == "model pull" else 0 for call in CALLS}

_OTHER_FOLDERS = {"XDG_CACHE_HOME", "XDG_DATA_HOME", "HF_HOME"}  # than those below HOME


@dataclass
class Start:
    """How the commands are started; an environment adds to it.

    folder: the working folder, with the files that the calls name. home: an empty folder.
    variables: of the environment, in addition to those of the test.
    first: is done in the process itself, before Python starts in it.
    launcher: a program with its arguments, which starts Python.
    """

    folder: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    first: list[Callable[[], object]] = field(default_factory=list)
    launcher: list[str] = field(default_factory=list)

    def run(self) -> dict[str, Result]:
        """Return the result of every call, with the output that went to files."""
        results, stdout, stderr = (
            self.folder.parent / name for name in ("results", "stdout", "stderr")
        )
        results.touch()
        results.chmod(0o666)  # another user may write to it
        with stdout.open("ab") as out, stderr.open("ab") as err:
            subprocess.run(
                [*self.launcher, sys.executable, _PROGRAM, results],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                preexec_fn=self._begin,
                check=False,
            )
        with stdout.open("rb") as out, stderr.open("rb") as err:
            found = {}
            for line in map(json.loads, results.read_text().splitlines()):
                written, said = _next(out, line["stdout"]), _next(err, line["stderr"])
                found[line["call"]] = Result(line["code"], written, said.decode())
            assert [*found] == [*CALLS], err.read().decode()
        return found

    def _begin(self) -> None:
        for step in self.first:
            step()

    def _environment(self) -> dict[str, str]:
        values = environment({"HOME": str(self.home)})
        values["PYTHONPATH"] += f"{os.pathsep}{_TESTS}"
        values |= self.variables
        return {name: value for name, value in values.items() if name not in _OTHER_FOLDERS}


def user(number: int) -> list[str]:
    """Return a launcher for a user who may read all files, and write only the user's own.

    Skips the test if nobody but root is here, or not even root.
    """
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv")
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", *reading]


@contextmanager
def laid_out() -> Iterator[Start]:
    """A start in a new folder that all users may read."""
    with TemporaryDirectory() as name:
        base = Path(name)
        base.chmod(0o755)
        start = Start(base / "work", base / "home")
        for folder in (start.folder, start.home):
            folder.mkdir()
        lay_out(start.folder)
        yield start


def codes(results: dict[str, Result]) -> dict[str, int]:
    """Return the exit codes; no call may have shown the inside of podtts to a user."""
    for call, result in results.items():
        for output in (result.stdout.decode(), result.stderr):
            for word in ("Traceback", "internal error", "Exception ignored"):
                assert word not in output, f"{call}: {output}"
    return {call: result.code for call, result in results.items()}


def _next(output: IO[bytes], end: int | None) -> bytes:
    """What was written since the last call; nothing for a stream that goes elsewhere."""
    return b"" if end is None else output.read(end - output.tell())
