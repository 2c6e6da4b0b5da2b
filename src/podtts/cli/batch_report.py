"""Reports a batch: a bar at a terminal, a line for each failure, the figures at the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from podtts.cli.messages import fail, say, shows_progress, warn, warn_once
from podtts.text.counting import counted

if TYPE_CHECKING:
    from pathlib import Path

    from podtts.batch.summary import Totals
    from podtts.batch.task import Outcome, Ready

_NAMED_FILES = 5  # at the end; summary.jsonl names all


class BatchReport:
    """Prints what a batch does between its first line and its exit code, on stderr."""

    def __init__(self, scripts: int, folder: Path, verbose: bool) -> None:
        self._folder, self._verbose = folder, verbose
        self._started = time.perf_counter()
        self._workers = 0
        self._episodes: list[str] = []  # the first files that this run wrote
        self._progress = Progress(
            TextColumn("scripts"),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not shows_progress(),
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
                f"{counted(ready.rows, 'script')} at a time"
            )

    def ended(self, outcome: Outcome) -> None:
        """Report the outcome of an episode."""
        self._progress.advance(self._task)
        if outcome.set_aside:
            say(f"{outcome.id}: {outcome.set_aside}")
        for problem in outcome.problems:
            warn(f"{outcome.id}: {problem}")
        if outcome.files and not outcome.skipped and len(self._episodes) < _NAMED_FILES:
            self._episodes.append(next(iter(outcome.files)))
        if outcome.state == "failed":
            fail(f"{outcome.id}: {outcome.error}", outcome.hint)
        if self._verbose:
            state = "done before" if outcome.skipped else outcome.state
            stored = f", {outcome.kept_turns} from the journal" if outcome.kept_turns else ""
            say(
                f"{outcome.id}: {state}, {counted(outcome.turns, 'turn')}{stored}, "
                f"{outcome.audio_seconds:.1f} s of audio in {outcome.wall_seconds:.1f} s"
            )
            for note in outcome.notes:
                say(f"{outcome.id}: {note}")

    def close(self, totals: Totals) -> None:
        """Print the figures, one a line, so that they can be read at any width."""
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
        width = max(map(len, figures))
        for name, value in figures.items():
            say(f"{name:<{width}}  {value}")
        if totals.hearing_seconds and totals.spoken_seconds:
            hearing = totals.hearing_seconds / totals.spoken_seconds
            say(f"hearing took {hearing:.2f} s for each second of audio")
        if self._episodes:
            more = totals.done - len(self._episodes)
            rest = f" and {more} more" if more > 0 else ""
            names = ", ".join(self._episodes)
            say(f"in {self._folder}: {names}{rest}; summary.jsonl there names every file")
