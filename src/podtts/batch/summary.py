"""summary.jsonl: one line an episode, written when its files are complete or it has failed.

Lines are appended, so a kill loses none that was written. If an id has several lines, the last one
counts; the others are dropped when the file is opened and closed.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from podtts.batch.task import Outcome
from podtts.errors import DiskError
from podtts.storage.appending import append_line, open_to_append
from podtts.storage.atomic import write_atomically
from podtts.storage.disk_errors import disk_error
from podtts.storage.regular_files import read_regular
from podtts.storage.streams import WholeWriter


class Summary:
    """The summary in the folder of the episodes, open for one run. Raises DiskError."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "summary.jsonl"
        self._lines: dict[str, int] = {}  # where the last line of an id begins
        self._file: WholeWriter | None = None

    def __enter__(self) -> Summary:
        with ExitStack() as undo:
            undo.callback(self._close)
            self._compact()
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._compact()
        finally:
            self._close()

    def before(self, name: str) -> Outcome | None:
        """The outcome of an id that an earlier run did; None: none did."""
        if name not in self._lines:
            return None
        with self.path.open("rb") as file:
            file.seek(self._lines[name])
            outcome = _outcome(file.readline())
        return outcome if outcome and outcome.state == "done" else None

    def add(self, outcome: Outcome) -> None:
        """Record an outcome; it is on the disk when this returns."""
        assert self._file is not None
        line = json.dumps(outcome.record(), ensure_ascii=False).encode()
        try:
            self._lines[outcome.id] = append_line(self._file, line)
        except OSError as error:
            raise self._unwritable(error) from error

    def _compact(self) -> None:
        """Read the file again, and drop lines that are superseded, damaged or cut off."""
        self._close()
        try:
            raw = read_regular(self.path, sys.maxsize) if self.path.exists() else b""
            lines = raw.splitlines(keepends=True)
            last = {outcome.id: line for line in lines if (outcome := _outcome(line))}
            if len(last) < len(lines):
                write_atomically(self.path, *last.values())
            self._file = open_to_append(self.path)
        except OSError as error:
            raise self._unwritable(error) from error
        position, self._lines = 0, {}
        for name, line in last.items():
            self._lines[name] = position
            position += len(line)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _unwritable(self, error: OSError) -> DiskError:
        return disk_error(self.path, error, "choose another folder")


def _outcome(line: bytes) -> Outcome | None:
    """The outcome of a line; None for a line that was cut off or that podtts did not write."""
    if not line.endswith(b"\n"):
        return None
    try:
        return Outcome.of_record(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass
class Totals:
    """The sums of a batch, outcome by outcome."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    stopped: int = 0
    turns: int = 0  # of the episodes finished or stopped now
    failed_turns: int = 0  # of all that are done
    audio_seconds: float = 0.0  # of these
    spoken_seconds: float = 0.0  # of their turns that were synthesized now
    hearing_seconds: float = 0.0  # of work, for listening to these turns
    voices: set[str] = field(default_factory=set)
    prepared: set[str] = field(default_factory=set)  # voices that were computed now

    def add(self, outcome: Outcome) -> None:
        self.failed_turns += len(outcome.failed_turns)
        if outcome.skipped:
            self.skipped += 1
            return
        setattr(self, outcome.state, getattr(self, outcome.state) + 1)
        self.turns += outcome.turns
        self.audio_seconds += outcome.audio_seconds
        self.spoken_seconds += outcome.spoken_seconds
        self.hearing_seconds += outcome.work.hearing
        for voice in outcome.voices.values():
            self.voices.add(voice.voice)
            if not voice.cached:
                self.prepared.add(voice.voice)
