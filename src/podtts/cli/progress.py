"""Progress on stderr, for people at a terminal; pipes and files stay quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from podtts.cli.remaining import Taken, seconds_left
from podtts.text.length import expected_seconds

if TYPE_CHECKING:
    from podtts.hub.pull import PullProgress
    from podtts.publish.progress import Advance
    from podtts.values import Turn


def _console() -> Console:
    return Console(stderr=True)


class TurnBar:
    """One bar over the turns of an episode, with the time left and the line being spoken.

    spoken: turns (0-based) that cost nothing any more. The bar grows by the length of the texts.
    """

    def __init__(
        self, turns: Sequence[Turn], labels: Sequence[str], spoken: Collection[int]
    ) -> None:
        self._turns, self._labels = turns, labels
        self._lengths = [expected_seconds(turn.text) for turn in turns]
        self._to_come = {
            index: length for index, length in enumerate(self._lengths) if index not in spoken
        }
        self._taken: list[Taken] = []
        self._progress = Progress(
            TextColumn("turn {task.fields[number]}/{task.fields[turns]}"),
            BarColumn(bar_width=24),
            _TimeLeft(),
            TextColumn("{task.description}", markup=False),  # scripts may hold brackets
            console=_console(),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(
            "", total=sum(self._lengths), number=1, turns=len(turns), done_at=None
        )

    def __enter__(self) -> TurnBar:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def begin(self, index: int) -> None:
        """Show the turn that is being worked on."""
        turn = self._turns[index]
        text = " ".join(turn.shown.split())
        shown = text if len(text) <= 48 else text[:47] + "…"
        self._progress.update(
            self._task,
            description=f"[{self._labels[turn.speaker]}] {shown}",
            number=index + 1,
            refresh=True,
        )

    def end(self, index: int, seconds: float) -> None:
        """Count a turn as finished, after so many seconds of work."""
        if self._to_come.pop(index, None) is not None:
            self._taken.append(Taken(self._lengths[index], seconds))
        left = seconds_left(self._taken, self._to_come.values())
        self._progress.update(
            self._task,
            advance=self._lengths[index],
            done_at=None if left is None else time.monotonic() + left,
        )


class _TimeLeft(ProgressColumn):
    """Counts down to the time at which the turns are expected to be done."""

    def render(self, task: Task) -> Text:
        if (done_at := task.fields["done_at"]) is None:
            return Text("-:--:-- left")
        minutes, seconds = divmod(max(0, round(done_at - time.monotonic())), 60)
        return Text(f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left")


class StepBar:
    """One bar over each step that follows the last turn, with the share that is done."""

    def __init__(self) -> None:
        self._progress = Progress(
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.description}", markup=False),  # files may have brackets in their name
            console=_console(),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> StepBar:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    @contextmanager
    def step(self, description: str, total: int) -> Iterator[Advance]:
        """Show a step as long as the block lasts; yields what counts it on towards its total."""
        task = self._progress.add_task(description, total=total)
        self._progress.refresh()  # what is over within a tenth of a second is seen, too

        def advance(count: int) -> None:
            self._progress.advance(task, count)

        try:
            yield advance
            self._progress.refresh()
        finally:
            self._progress.remove_task(task)


class DownloadBar:
    """One bar over all bytes of a model."""

    def __init__(self, name: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=_console(),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(name, total=None)

    def __enter__(self) -> DownloadBar:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def update(self, state: PullProgress) -> None:
        """Show how far the pull is."""
        self._progress.update(
            self._task,
            description=f"{state.step} {state.file}",
            completed=state.done_bytes,
            total=state.total_bytes,
        )
