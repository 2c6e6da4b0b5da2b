"""The inside of a worker: one loaded checkpoint that speaks tasks side by side.

The device never waits for a disk: `submit` opens journals on the caller's thread, the engine speaks
on its own, the writer keeps and publishes what was spoken.
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

from podtts.batch.episode import Episode
from podtts.batch.task import Outcome, Task, failed
from podtts.batch.worker_handle import WorkerDiedError
from podtts.batch.writer import Writer
from podtts.device.placement import Placement
from podtts.engine.engine import Engine
from podtts.engine.request import Event, Request, RequestFailed, RequestFinished, TurnFinished
from podtts.errors import OutOfMemoryError, PodttsError
from podtts.presets import suited
from podtts.values import SpeechTokens


class Worker:
    """Speaks tasks until it is closed; every task gets its outcome, also when it is drained.

    Where memory is too short for all rows, half of them go on, and the scripts of the others wait:
    what they have said stays said.

    checkpoint: see podtts.episode.fingerprint.checkpoint_fingerprint. model: its name.
    day: today, for tags. output: folder of the episodes. warn: told when memory is short.
    """

    def __init__(
        self,
        ensemble: Engine,
        placement: Placement,
        checkpoint: Mapping[str, Any],
        model: str,
        day: str,
        output: Path,
        warn: Callable[[str], None],
    ) -> None:
        self._ensemble, self._placement = ensemble, placement
        self._model, self._day, self._warn = model, day, warn
        self._checkpoint, self._output = checkpoint, output
        self._inbox: queue.SimpleQueue[Episode | None] = queue.SimpleQueue()
        self._draining, self._closing = threading.Event(), False
        self._answers: dict[str, Future[Outcome]] = {}
        # Of the engine's thread alone:
        self._rows: dict[str, _Row] = {}
        self._waiting: deque[_Row] = deque()  # for a row, before what is in the inbox
        self._drain_began = False
        self._plenty: int | None = None  # rows there were before memory was short
        self._writer = Writer(self._answer, self._give_up)
        self._engine = threading.Thread(target=self._guarded, name="speak", daemon=True)
        self._engine.start()

    def submit(self, task: Task) -> Future[Outcome]:
        """Take a task; its outcome comes when its files are whole. It raises WorkerDiedError."""
        answer: Future[Outcome] = Future()
        self._answers[task.id] = answer
        flow = task.options.flow
        if not task.keeps_precision:
            flow = suited(flow, self._placement)
        options = replace(task.options, flow=flow)
        try:
            episode = Episode(task, options, self._output, self._checkpoint, self._model, self._day)
        except PodttsError as error:
            self._answer(failed(task, error))
            return answer
        if episode.unspoken and not self._draining.is_set():
            self._inbox.put(episode)
        elif episode.unspoken:
            self._writer.end(episode, episode.stop)
        else:
            self._writer.end(episode, episode.finish)
        return answer

    def drain(self) -> None:
        """Let the turns being spoken end, and begin no other; all tasks get their outcomes."""
        self._draining.set()

    def close(self) -> None:
        """Drain, and end the threads."""
        self.drain()
        self._inbox.put(None)
        self._engine.join()
        self._writer.close()

    def _run_engine(self) -> None:
        while self._fill_rows():
            short: OutOfMemoryError | None = None
            try:
                events = self._ensemble.step()
            except OutOfMemoryError as error:
                # Without its traceback, which would hold what memory there is.
                short = OutOfMemoryError(error.problem, error.hint)
            if short is not None:
                self._make_room(short)
                continue
            for event in events:
                self._handle(event)
            self._stop_drained_rows()

    def _fill_rows(self) -> bool:
        """Give free rows the next episodes; wait while there is nothing else to do.

        returns: whether the engine has something to do.
        """
        while self._ensemble.free_rows or self._draining.is_set():
            if self._waiting:
                row = self._waiting.popleft()
            elif self._closing:
                break
            else:
                try:
                    episode = self._inbox.get(block=self._ensemble.is_idle)
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
        return not self._ensemble.is_idle

    def _begin(self, row: _Row) -> None:
        try:
            self._ensemble.add(row.begin_request())
        except PodttsError as error:
            self._writer.end(row.episode, partial(row.episode.stop, error))
        else:
            self._rows[row.episode.task.id] = row

    def _handle(self, event: Event) -> None:
        """Hand what the engine reports to the writer."""
        name = event.request.id
        row = self._rows[name]
        if isinstance(event, TurnFinished):
            row.finished[event.audio.index] = event.audio.tokens
            self._writer.keep(row.episode, event.audio)
            row.is_in_drained_turn = False
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
        self._ensemble.close()
        for row in self._rows.values():
            self._writer.end(row.episode, row.episode.stop)
        self._rows.clear()

    def _make_room(self, short: OutOfMemoryError) -> None:
        """Go on with half the rows; what fails in one row alone is what needs too much."""
        begun, rows = list(self._rows.values()), self._ensemble.rows
        self._rows.clear()
        if rows > 1:
            self._plenty = self._plenty or rows
            self._waiting.extendleft(reversed(begun))
            self._ensemble.resize(rows // 2)
            self._warn(f"{short.problem}, {rows} scripts side by side: going on with {rows // 2}")
            return
        error = OutOfMemoryError(f"{short.problem}, with nothing beside it", short.hint)
        for row in begun:
            self._writer.end(row.episode, partial(row.episode.stop, error))
        # Rows may have been given up for this one: the others get them back.
        self._ensemble.resize(self._plenty or 1)
        self._plenty = None

    def _answer(self, outcome: Outcome) -> None:
        if (answer := self._answers.pop(outcome.id, None)) is not None:
            answer.set_result(outcome)

    def _give_up(self) -> None:
        """Answer for everything that another worker has to do it."""
        while self._answers:
            self._answers.popitem()[1].set_exception(WorkerDiedError())

    def _guarded(self) -> None:
        """Be the engine's thread; if a mistake ends it, no one waits in vain."""
        sound = False
        try:
            self._run_engine()
            sound = True
        finally:
            if not sound:
                self._give_up()


class _Row:
    """An episode that is synthesized, or about to be."""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        self.finished: dict[int, SpeechTokens] = {}  # turns that this worker synthesized
        self.is_in_drained_turn = False  # began it before the drain

    def begin_request(self) -> Request:
        """What is left to be synthesized."""
        return self.episode.begin_request(self.finished)
