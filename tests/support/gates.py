"""A gate that processes of a command come to, and that the test opens when it likes."""

import os
import select
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.commands import Running, environment


class Gate:
    """Whoever is about to give a file a name of some pattern waits until the gate is opened.

    Only the thread that does so waits. env: for the command that is held.
    """

    def __init__(self, folder: Path, pattern: str) -> None:
        self._fifo, arrivals = folder / "gate", folder / "arrivals"
        os.mkfifo(self._fifo)
        os.mkfifo(arrivals)
        self._arrivals = os.open(arrivals, os.O_RDWR)  # so that it never ends
        self._opened: int | None = None
        hook = Path(__file__).with_name("gate")
        self.env: Mapping[str, str] = {
            "PYTHONPATH": os.pathsep.join([str(hook), environment(None)["PYTHONPATH"]]),
            "GATE_FILES": pattern,
            "GATE_ARRIVALS": str(arrivals),
            "GATE_FIFO": str(self._fifo),
        }

    def wait_for_arrival(self, running: Running) -> int:
        """Wait until a process of the command is at the gate; return its number.

        What the command prints on its way is read.
        """
        assert running.process.stderr
        sources = [self._arrivals, running.process.stderr.fileno()]
        while True:
            ready, _, _ = select.select(sources, [], [], 0.1)
            if self._arrivals in ready:
                break
            if ready:
                running.read_on()
            assert running.process.poll() is None, running.finish().stderr
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self._arrivals, 1)
        return int(line)

    def open(self) -> None:
        """Let everybody pass, now and later."""
        self._opened = os.open(self._fifo, os.O_RDWR)

    def close(self) -> None:
        """Leave nothing behind, once nobody can come any more."""
        for descriptor in (self._arrivals, self._opened):
            if descriptor is not None:
                os.close(descriptor)


@contextmanager
def gate(folder: Path, pattern: str) -> Iterator[Gate]:
    """A gate whose files are in a folder; pattern: of whole paths, as of `fnmatch`."""
    folder.mkdir()
    own = Gate(folder, pattern)
    try:
        yield own
    finally:
        own.close()
