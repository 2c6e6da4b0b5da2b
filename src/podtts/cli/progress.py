"""Progress on stderr, for people at a terminal; pipes and files stay quiet."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

if TYPE_CHECKING:
    from podtts.values import Turn
    from podtts.weights.pull import PullProgress


def _console() -> Console:
    return Console(stderr=True)


class TurnBar:
    """One bar over the turns of an episode, with the line being spoken."""

    def __init__(self, turns: int) -> None:
        self._progress = Progress(
            TextColumn("turn {task.completed}/{task.total}"),
            BarColumn(bar_width=24),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),  # scripts may hold brackets
            console=_console(),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("", total=turns)

    def __enter__(self) -> TurnBar:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def speaking(self, label: str, turn: Turn) -> None:
        """Show the turn that is being worked on."""
        text = " ".join(turn.text.split())
        shown = text if len(text) <= 48 else text[:47] + "…"
        self._progress.update(self._task, description=f"[{label}] {shown}", refresh=True)

    def done(self) -> None:
        """Count a turn as finished."""
        self._progress.advance(self._task)


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
