"""The inside of a worker: one loaded checkpoint that speaks tasks side by side.

The device never waits for a disk: `submit` opens journals on the caller's thread, the engine speaks
on its own, the writer keeps and publishes what was spoken.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from podtts.batch.episode import BatchEpisode
from podtts.batch.task import Outcome, Task, failed
from podtts.batch.worker_handle import WorkerDiedError
from podtts.batch.writer import Writer
from podtts.device.placement import Placement
from podtts.engine.engine import Engine, RequestFailed
from podtts.engine.sequence import Request
from podtts.errors import OutOfMemoryError, PodttsError
from podtts.presets import suited
from podtts.values import SpeechTokens, TurnAudio


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
        self._inbox: queue.SimpleQueue[BatchEpisode | None] = queue.SimpleQueue()
        self._draining, self._closing = threading.Event(), False
        self._answers: dict[str, Future[Outcome]] = {}
        # Of the engine's thread alone:
        self._rows: dict[str, _Row] = {}
        self._waiting: deque[_Row] = deque()  # for a row, before what is in the inbox
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
        """Let the turns being spoken end, and begin no other; all tasks get their outcomes."""
        self._draining.set()

    def close(self) -> None:
        """Drain, and end the threads."""
        self.drain()
        self._inbox.put(None)
        self._engine.join()
        self._writer.close()

    def _speak(self) -> None:
        while not self._closing and (episode := self._inbox.get()) is not None:
            self._waiting.append(_Row(episode))
            while self._waiting:
                short: OutOfMemoryError | None = None
                try:
                    self._speak_side_by_side()
                except OutOfMemoryError as error:
                    # Without its traceback, which would hold what memory there is.
                    short = OutOfMemoryError(error.problem, error.hint)
                if short is not None:
                    self._make_room(short)

    def _speak_side_by_side(self) -> None:
        """Speak until no task is left, or all rows have ended the turn they were in at a drain."""
        with closing(self._results()) as results:
            unended: set[str] | None = None  # rows whose turn began before the drain
            for result in results:
                name = self._take(result)
                if not self._draining.is_set():
                    continue
                unended = (set(self._rows) if unended is None else unended) - {name}
                if not unended & self._rows.keys():
                    break
        for row in self._rows.values():
            self._writer.end(row.episode, row.episode.stop)
        self._rows.clear()

    def _results(self) -> Generator[tuple[Request, TurnAudio] | RequestFailed]:
        yield from self._ensemble.speak(self._jobs())

    def _jobs(self) -> Iterator[Request | None]:
        """Jobs as rows get free: those that wait, and what comes in as long as any is spoken."""
        while True:
            while self._waiting:
                row = self._waiting.popleft()
                if self._draining.is_set():
                    self._writer.end(row.episode, row.episode.stop)
                    continue
                self._rows[row.episode.task.id] = row
                yield row.job()
            while self._inbox.empty():
                if not self._rows:
                    return
                yield None
            if (episode := self._inbox.get()) is None:
                self._closing = True
                return
            self._waiting.append(_Row(episode))

    def _take(self, result: tuple[Request, TurnAudio] | RequestFailed) -> str:
        """Hand a result to the writer; return the id of its task."""
        if isinstance(result, RequestFailed):
            row, error = self._rows.pop(result.job.id), result.error
            self._writer.end(row.episode, partial(row.episode.stop, error))
            return result.job.id
        job, audio = result
        row = self._rows[job.id]
        row.spoken[audio.index] = audio.tokens
        self._writer.keep(row.episode, audio)
        if row.is_done:
            del self._rows[job.id]
            self._writer.end(row.episode, row.episode.finish)
        return job.id

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
            self._speak()
            sound = True
        finally:
            if not sound:
                self._give_up()


class _Row:
    """An episode being spoken, or about to be."""

    def __init__(self, episode: BatchEpisode) -> None:
        self.episode = episode
        self.spoken: dict[int, SpeechTokens] = {}  # turns that this worker spoke

    @property
    def is_done(self) -> bool:
        return len(self.spoken) == self.episode.remaining

    def job(self) -> Request:
        """What is left to be spoken."""
        return self.episode.request(self.spoken)
