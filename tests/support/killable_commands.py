"""Commands that start within milliseconds, for tests that start hundreds of them.

A server imports everything once and forks a process for every command. What runs there is `main()`
of the command line, as in a process of its own, with its own signals and its own death.
"""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from support.commands import environment
from support.imported_modules import import_all


@dataclass(frozen=True)
class Ended:
    """The end of a command."""

    code: int  # negative: the signal that killed it
    stderr: str
    steps: int  # changes of files that it made; 0 when it was killed
    has_killed: bool  # it, or a process that it started


class KillableCommands:
    """A running server; see `killable_commands`."""

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server, self._folder = server, folder

    def run(
        self,
        *arguments: str | Path,
        kill_at: int | None = None,
        word: str | None = None,
        parent: bool = False,
    ) -> Ended:
        """Run a command to its end.

        kill_at: kill it before this change of a file, counted from 1. word: kill instead the first
        process it starts whose command line has this word. parent: kill, at that change, the
        parent of that process.
        """
        token = self._folder / "token"
        token.unlink(missing_ok=True)
        if kill_at is not None:
            token.touch()
        request = {
            "arguments": [*map(str, arguments)],
            "stderr": str(self._folder / "stderr"),
            "steps": str(self._folder / "steps"),
            "kill_at": kill_at,
            "word": word,
            "parent": parent,
            "token": str(token),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        steps = self._folder / "steps"
        count = int(steps.read_text()) if steps.exists() else 0
        has_killed = kill_at is not None and not token.exists()
        return Ended(code, (self._folder / "stderr").read_text(), count, has_killed)


@contextmanager
def killable_commands(folder: Path, settings: Mapping[str, str]) -> Iterator[KillableCommands]:
    """Start a server. settings: its environment, from `hostile_system`."""
    folder.mkdir()
    own = environment(settings)
    own["PYTHONPATH"] += os.pathsep + str(Path(__file__).parents[1])
    with (
        (folder / "server").open("wb") as messages,
        subprocess.Popen(
            [sys.executable, "-m", "support.killable_commands"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            env=own,
        ) as server,
    ):
        yield KillableCommands(server, folder)
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait() == 0, (folder / "server").read_text()


def _serve(requests: IO[str]) -> None:
    """Fork a command for every line, and print its exit code."""
    import_all()
    for line in requests:
        request = json.loads(line)
        Path(request["steps"]).unlink(missing_ok=True)
        process = os.fork()
        if not process:
            _run(request)
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(request: Mapping[str, str | int | None]) -> None:
    """Become the command of a request; never returns."""
    from podtts.cli.app import main

    system = ctypes.CDLL(None)
    system.hostile_steps.restype = ctypes.c_ulonglong
    for descriptor, path in ((0, os.devnull), (1, os.devnull), (2, str(request["stderr"]))):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(path, flags), descriptor)
    before = system.hostile_steps()
    if request["kill_at"] is not None:
        at = int(request["kill_at"])
        os.environ["HOSTILE_TOKEN"] = str(request["token"])
        if request["word"] is None:
            os.environ["HOSTILE_VICTIM"] = str(os.getpid())
            os.environ["HOSTILE_KILL_AT"] = str(before + at)
        else:
            os.environ["HOSTILE_VICTIM_WORD"] = str(request["word"])
            os.environ["HOSTILE_KILL_AT"] = str(at)
            if request["parent"]:
                os.environ["HOSTILE_PARENT"] = "yes"
    arguments = request["arguments"]
    assert isinstance(arguments, list)
    sys.argv = ["podtts", *arguments]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        os.environ.pop("HOSTILE_KILL_AT", None)  # the command has ended
        Path(str(request["steps"])).write_text(str(system.hostile_steps() - before))
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.stdin)
