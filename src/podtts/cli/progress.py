"""Progress bars on stderr; shown only if stderr is a terminal."""

from __future__ import annotations

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

from podtts.cli.messages import shows_progress
from podtts.cli.time_left import TurnTime, seconds_left
from podtts.text.length import expected_seconds

if TYPE_CHECKING:
    from podtts.hub.pull import PullProgress
    from podtts.publish.progress import Advance
    from podtts.values import Turn


def _console() -> Console:
    return Console(stderr=True)


class TurnBar:
    """A bar over the turns of an episode, with the time left and the text of the current turn.

    restored: turns (0-based) that are in the journal already and cost no time.
    The bar advances by the expected length of each turn's speech.
    """

    def __init__(
        self, turns: Sequence[Turn], labels: Sequence[str], restored: Collection[int]
    ) -> None:
        self._turns, self._labels = turns, labels
        self._speech_seconds = [expected_seconds(turn.text) for turn in turns]
        self._remaining = {
            index: seconds
            for index, seconds in enumerate(self._speech_seconds)
            if index not in restored
        }
        self._finished: list[TurnTime] = []
        self._progress = Progress(
            TextColumn("turn {task.fields[number]}/{task.fields[turns]}"),
            BarColumn(bar_width=24),
            _TimeLeft(),
            TextColumn("{task.description}", markup=False),  # scripts may contain brackets
            console=_console(),
            transient=True,
            disable=not shows_progress(),
        )
        self._task = self._progress.add_task(
            "", total=sum(self._speech_seconds), number=1, turns=len(turns), done_at=None
        )

    def __enter__(self) -> TurnBar:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def start_turn(self, index: int) -> None:
        """Show the turn that is being synthesized."""
        turn = self._turns[index]
        text = " ".join(turn.shown.split())
        excerpt = text if len(text) <= 48 else text[:47] + "…"
        self._progress.update(
            self._task,
            description=f"[{self._labels[turn.speaker]}] {excerpt}",
            number=index + 1,
            refresh=True,
        )

    def finish_turn(self, index: int, work_seconds: float) -> None:
        """Advance the bar by a turn that took so many seconds of work."""
        speech_seconds = self._speech_seconds[index]
        if self._remaining.pop(index, None) is not None:
            self._finished.append(TurnTime(speech_seconds, work_seconds))
        left = seconds_left(self._finished, self._remaining.values())
        self._progress.update(
            self._task,
            advance=speech_seconds,
            done_at=None if left is None else time.monotonic() + left,
        )


class _TimeLeft(ProgressColumn):
    """Counts down to the expected end of the last turn."""

    def render(self, task: Task) -> Text:
        if (done_at := task.fields["done_at"]) is None:
            return Text("-:--:-- left")
        minutes, seconds = divmod(max(0, round(done_at - time.monotonic())), 60)
        return Text(f"{minutes // 60}:{minutes % 60:02}:{seconds:02} left")


class StepBar:
    """A bar with a percentage over each step that follows the last turn, such as encoding."""

    def __init__(self) -> None:
        self._progress = Progress(
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.description}", markup=False),  # file names may contain brackets
            console=_console(),
            transient=True,
            disable=not shows_progress(),
        )

    def __enter__(self) -> StepBar:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    @contextmanager
    def step(self, description: str, total: int) -> Iterator[Advance]:
        """Show a step while the block runs; yields the function that advances it to its total."""
        task = self._progress.add_task(description, total=total)
        self._progress.refresh()  # also show a step that takes less than a tenth of a second

        def advance(count: int) -> None:
            self._progress.advance(task, count)

        try:
            yield advance
            self._progress.refresh()
        finally:
            self._progress.remove_task(task)


class DownloadBar:
    """A bar over the bytes of all files of a model."""

    def __init__(self, name: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=_console(),
            disable=not shows_progress(),
        )
        self._task = self._progress.add_task(name, total=None)

    def __enter__(self) -> DownloadBar:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def update(self, state: PullProgress) -> None:
        """Show the state of the download."""
        self._progress.update(
            self._task,
            description=f"{state.step} {state.file}",
            completed=state.done_bytes,
            total=state.total_bytes,
        )
