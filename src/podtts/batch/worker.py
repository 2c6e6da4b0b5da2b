"""The inside of a worker: one loaded checkpoint that synthesizes several tasks at a time.

The device never waits for a disk: `submit` opens journals on the caller's thread, the engine runs
on its own thread, and the writer threads write and publish what it synthesized.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from podtts.batch.episode import BatchEpisode
from podtts.batch.task import Outcome, Task, failed
from podtts.batch.worker_handle import WorkerDiedError
from podtts.batch.writer_threads import WriterThreads
from podtts.device.placement import Placement
from podtts.engine.engine import Engine, within_memory
from podtts.engine.request import (
    Event,
    Listener,
    Request,
    RequestFailed,
    RequestFinished,
    TurnFinished,
)
from podtts.errors import OutOfMemoryError, PodttsError
from podtts.presets import suited
from podtts.values import SpeechTokens


class Worker:
    """Synthesizes tasks until it is closed; every task gets its outcome, also when it is drained.

    When memory is too short for all rows, the worker continues with half of them. The scripts of
    the other rows wait, and their finished turns stay.

    checkpoint: see podtts.episode.fingerprint.checkpoint_fingerprint. model: its name.
    day: today, for tags. output: folder of the episodes.
    warn: is called when memory is short. listener: of every request, see `Request`.
    """

    def __init__(
        self,
        engine: Engine,
        placement: Placement,
        checkpoint: Mapping[str, Any],
        model: str,
        day: str,
        output: Path,
        warn: Callable[[str], None],
        listener: Listener | None = None,
    ) -> None:
        self._engine, self._placement, self._listener = engine, placement, listener
        self._model, self._day, self._warn = model, day, warn
        self._checkpoint, self._output = checkpoint, output
        self._inbox: queue.SimpleQueue[BatchEpisode | None] = queue.SimpleQueue()
        self._draining, self._closing = threading.Event(), False
        self._answers: dict[str, Future[Outcome]] = {}
        # Of the engine's thread alone:
        self._rows: dict[str, _Row] = {}
        self._waiting: deque[_Row] = deque()  # for a row of the engine, before the inbox
        self._drain_began = False
        self._full_rows: int | None = None  # rows there were before memory was short
        self._writer = WriterThreads(self._answer, self._lose_tasks)
        self._thread = threading.Thread(target=self._guarded, name="engine", daemon=True)
        self._thread.start()

    def submit(self, task: Task) -> Future[Outcome]:
        """Add a task; the future has its outcome when its files are complete.

        The future raises WorkerDiedError when an unexpected error ends the worker.
        """
        answer: Future[Outcome] = Future()
        self._answers[task.id] = answer
        flow = task.options.flow
        if not task.keeps_precision:
            flow = suited(flow, self._placement)
        options = replace(task.options, flow=flow)
        try:
            episode = BatchEpisode(
                task, options, self._output, self._checkpoint, self._model, self._day
            )
        except PodttsError as error:
            self._answer(failed(task, error))
            return answer
        if episode.remaining and not self._draining.is_set():
            self._inbox.put(episode)
        elif episode.remaining:
            self._writer.end(episode, episode.stop)
        else:
            self._writer.end(episode, episode.finish)
        return answer

    def drain(self) -> None:
        """Finish the turns in progress and begin no others; all tasks get their outcomes."""
        self._draining.set()

    def close(self) -> None:
        """Drain, and end the threads."""
        self.drain()
        self._inbox.put(None)
        self._thread.join()
        self._writer.close()

    def _run(self) -> None:
        while self._fill_rows():
            events = within_memory(self._engine.step)
            if isinstance(events, OutOfMemoryError):
                self._halve_rows(events)
                continue
            for event in events:
                self._handle(event)
            self._stop_drained_rows()

    def _fill_rows(self) -> bool:
        """Give free rows the next episodes; wait while there is nothing else to do.

        returns: whether the engine has something to do; False when the worker closes.
        """
        while self._engine.free_rows or self._draining.is_set():
            if self._waiting:
                row = self._waiting.popleft()
            elif self._closing:
                break
            else:
                try:
                    episode = self._inbox.get(block=self._engine.is_idle)
                except queue.Empty:
                    break
                if episode is None:
                    self._closing = True
                    continue
                row = _Row(episode)
            if self._draining.is_set():
                self._writer.end(row.episode, row.episode.stop)
            else:
                self._begin(row)
        return not self._engine.is_idle

    def _begin(self, row: _Row) -> None:
        try:
            self._engine.add(replace(row.request(), listener=self._listener))
        except PodttsError as error:
            self._writer.end(row.episode, partial(row.episode.stop, error))
        else:
            self._rows[row.episode.task.id] = row

    def _handle(self, event: Event) -> None:
        """Hand what the engine reports to the writer threads."""
        name = event.request.id
        row = self._rows[name]
        if isinstance(event, TurnFinished):
            row.finished[event.audio.index] = event.audio.tokens
            row.is_in_drained_turn = False
            self._writer.add(row.episode, event.audio)
        elif isinstance(event, RequestFinished):
            self._writer.end(row.episode, row.episode.finish)
            del self._rows[name]
        elif isinstance(event, RequestFailed):
            self._writer.end(row.episode, partial(row.episode.stop, event.error))
            del self._rows[name]

    def _stop_drained_rows(self) -> None:
        """While draining, stop all rows as soon as each has finished the turn it was in."""
        if not self._draining.is_set():
            return
        if not self._drain_began:
            self._drain_began = True
            for row in self._rows.values():
                row.is_in_drained_turn = True
        if any(row.is_in_drained_turn for row in self._rows.values()):
            return
        self._engine.close()
        for row in self._rows.values():
            self._writer.end(row.episode, row.episode.stop)
        self._rows.clear()

    def _halve_rows(self, shortage: OutOfMemoryError) -> None:
        """Continue with half of the rows; a script that fails in the only row needs too much."""
        running, rows = list(self._rows.values()), self._engine.rows
        self._rows.clear()
        if rows > 1:
            self._full_rows = self._full_rows or rows
            self._waiting.extendleft(reversed(running))
            self._engine.resize(rows // 2)
            self._warn(
                f"{shortage.problem} with {rows} scripts at a time: continuing with {rows // 2}"
            )
            return
        error = OutOfMemoryError(f"{shortage.problem}, with no other script", shortage.hint)
        for row in running:
            self._writer.end(row.episode, partial(row.episode.stop, error))
        # Rows may have been given up for this script: the others get them back.
        self._engine.resize(self._full_rows or 1)
        self._full_rows = None

    def _answer(self, outcome: Outcome) -> None:
        if (answer := self._answers.pop(outcome.id, None)) is not None:
            answer.set_result(outcome)

    def _lose_tasks(self) -> None:
        """Answer every task with WorkerDiedError, so that another worker does it."""
        while self._answers:
            self._answers.popitem()[1].set_exception(WorkerDiedError())

    def _guarded(self) -> None:
        """Run the engine's thread; if an unexpected error ends it, all tasks are answered."""
        is_complete = False
        try:
            self._run()
            is_complete = True
        finally:
            if not is_complete:
                self._lose_tasks()


class _Row:
    """An episode that has a row of the engine, or waits for one."""

    def __init__(self, episode: BatchEpisode) -> None:
        self.episode = episode
        self.finished: dict[int, SpeechTokens] = {}  # turns that this worker synthesized
        self.is_in_drained_turn = False  # the turn began before the drain

    def request(self) -> Request:
        """The turns that are still to be synthesized."""
        return self.episode.request(self.finished)
