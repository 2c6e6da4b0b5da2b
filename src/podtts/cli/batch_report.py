"""Reports a batch: a bar at a terminal, a line for each failure, a table at the end."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from podtts.cli.messages import fail, say, warn, warn_once

if TYPE_CHECKING:
    from podtts.batch.summary import Totals
    from podtts.batch.task import Outcome, Ready

_PIPE_COLUMNS = 140  # without a terminal: wide enough that no table is folded


class BatchReport:
    """Prints what a batch does between its first line and its exit code, on stderr."""

    def __init__(self, scripts: int, verbose: bool) -> None:
        self._verbose = verbose
        self._started = time.perf_counter()
        self._workers = 0
        terminal = sys.stderr.isatty()
        self._console = Console(stderr=True, width=None if terminal else _PIPE_COLUMNS)
        self._progress = Progress(
            TextColumn("scripts"),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not terminal,
        )
        self._task = self._progress.add_task("", total=scripts)

    def __enter__(self) -> BatchReport:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def ready(self, ready: Ready) -> None:
        """Report that a worker has loaded its models."""
        self._workers += 1
        for problem in ready.problems:
            warn_once(problem)
        if self._verbose:
            say(
                f"worker {self._workers}, process {ready.process_id}: {ready.place}, "
                f"{ready.rows} scripts at a time"
            )

    def ended(self, outcome: Outcome) -> None:
        """Report the outcome of an episode."""
        self._progress.advance(self._task)
        if outcome.set_aside:
            say(f"{outcome.id}: {outcome.set_aside}")
        for problem in outcome.problems:
            warn(f"{outcome.id}: {problem}")
        if outcome.state == "failed":
            fail(f"{outcome.id}: {outcome.error}", outcome.hint)
        if self._verbose:
            state = "done before" if outcome.skipped else outcome.state
            stored = f", {outcome.kept_turns} from the journal" if outcome.kept_turns else ""
            say(
                f"{outcome.id}: {state}, {outcome.turns} turns{stored}, "
                f"{outcome.audio_seconds:.1f} s of audio in {outcome.wall_seconds:.1f} s"
            )
            for note in outcome.notes:
                say(f"{outcome.id}: {note}")

    def close(self, totals: Totals) -> None:
        """Print the table."""
        wall = time.perf_counter() - self._started
        rtf = f"{wall / totals.spoken_seconds:.2f}" if totals.spoken_seconds else "-"
        cached = len(totals.voices) - len(totals.prepared)
        figures = {
            "done": totals.done,
            "done before": totals.skipped,
            "failed": totals.failed,
            "stopped": totals.stopped,
            "turns": totals.turns,
            "failed turns": totals.failed_turns,
            "audio s": f"{totals.audio_seconds:.1f}",
            "wall s": f"{wall:.1f}",
            "RTF": rtf,
            "voices from cache": f"{cached} of {len(totals.voices)}",
        }
        table = Table()
        for name in figures:
            table.add_column(name, justify="right")
        table.add_row(*map(str, figures.values()))
        self._console.print(table, highlight=False)
        if totals.hearing_seconds and totals.spoken_seconds:
            hearing = totals.hearing_seconds / totals.spoken_seconds
            say(f"hearing took {hearing:.2f} s for each second of audio")
