"""The inside of a worker: one loaded checkpoint that speaks tasks side by side.

Three threads, so that the device never waits for a disk: `submit` opens journals on the caller's,
the engine speaks, the writer keeps and writes what was spoken, in order.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from podtts.batch.episode import Episode, episode_file
from podtts.batch.task import Outcome, Task, failed
from podtts.batch.workers import WorkerDiedError
from podtts.device import Placement
from podtts.ensemble import Ensemble, JobFailed
from podtts.errors import PodttsError
from podtts.presets import suited
from podtts.speaking import Job
from podtts.values import TurnAudio

_TURNS_WAITING = 16  # between engine and writer; more would only pile up in memory


class Station:
    """Speaks tasks until it is closed; every task gets its outcome, also when it is drained.

    where: see podtts.identity.checkpoint_identity. model: its name.
    day: today, for tags. output: folder of the episodes.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        placement: Placement,
        where: Mapping[str, Any],
        model: str,
        day: str,
        output: Path,
    ) -> None:
        self._ensemble, self._placement = ensemble, placement
        self._model, self._day = model, day
        self._where, self._output = where, output
        self._inbox: queue.SimpleQueue[Episode | None] = queue.SimpleQueue()
        self._spoken: queue.Queue[Callable[[], None] | None] = queue.Queue(_TURNS_WAITING)
        self._draining, self._closing = threading.Event(), False
        self._answers: dict[str, Future[Outcome]] = {}
        self._rows: dict[str, _Row] = {}  # of the engine's thread alone
        self._threads = [
            threading.Thread(target=self._guarded, args=(run,), name=run.__name__, daemon=True)
            for run in (self._speak, self._write)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task) -> Future[Outcome]:
        """Take a task; its outcome comes when its file is whole. It raises WorkerDiedError."""
        answer: Future[Outcome] = Future()
        self._answers[task.id] = answer
        flow = task.options.flow
        if not task.keeps_precision:
            flow = suited(flow, self._placement)
        options = replace(task.options, flow=flow)
        try:
            file = episode_file(self._output, task.id)
            episode = Episode(task, options, file, self._where, self._model, self._day)
        except PodttsError as error:
            self._answer(failed(task, error))
            return answer
        if episode.unspoken and not self._draining.is_set():
            self._inbox.put(episode)
        elif episode.unspoken:
            self._pass_on(episode, episode.stop)
        else:
            self._pass_on(episode, episode.finish)
        return answer

    def drain(self) -> None:
        """Let the turns being spoken end, and begin no other; all tasks get their outcomes."""
        self._draining.set()

    def close(self) -> None:
        """Drain, and end the threads."""
        self.drain()
        self._inbox.put(None)
        for thread in self._threads:
            thread.join()

    # The engine

    def _speak(self) -> None:
        while not self._closing and (episode := self._inbox.get()) is not None:
            try:
                self._speak_from(episode)
            except PodttsError as error:  # of no script by itself: memory, as a rule
                if len(self._rows) > 1:
                    self._give_up()  # each is tried again, alone
                    break
                for row in self._rows.values():
                    self._pass_on(row.episode, partial(row.episode.stop, error))
                self._rows.clear()
        self._spoken.put(None)

    def _speak_from(self, episode: Episode) -> None:
        """Speak until no task is left, or all rows have ended the turn they were in at a drain."""
        with closing(self._results(episode)) as results:
            waiting: set[str] | None = None  # rows whose turn began before the drain
            for result in results:
                name = self._take(result)
                if not self._draining.is_set():
                    continue
                waiting = (set(self._rows) if waiting is None else waiting) - {name}
                if not waiting & self._rows.keys():
                    break
        for row in self._rows.values():
            self._pass_on(row.episode, row.episode.stop)
        self._rows.clear()

    def _results(self, first: Episode) -> Generator[tuple[Job, TurnAudio] | JobFailed]:
        yield from self._ensemble.speak(self._jobs(first))

    def _jobs(self, first: Episode) -> Iterator[Job | None]:
        """Jobs as rows get free: the first, and what is submitted as long as others are spoken."""
        episode: Episode | None = first
        while episode is not None:
            if self._draining.is_set():
                self._pass_on(episode, episode.stop)
            else:
                self._rows[episode.task.id] = _Row(episode)
                yield episode.job()
            while self._inbox.empty():
                if not self._rows:
                    return
                yield None
            episode = self._inbox.get()
        self._closing = True

    def _take(self, result: tuple[Job, TurnAudio] | JobFailed) -> str:
        """Hand a result to the writer; return the id of its task."""
        if isinstance(result, JobFailed):
            row, error = self._rows.pop(result.job.id), result.error
            self._pass_on(row.episode, partial(row.episode.stop, error))
            return result.job.id
        job, audio = result
        row = self._rows[job.id]
        row.turns_left -= 1
        episode = row.episode
        self._spoken.put(lambda: self._keep(episode, audio))
        if not row.turns_left:
            del self._rows[job.id]
            self._pass_on(episode, episode.finish)
        return job.id

    # The writer

    def _write(self) -> None:
        while (work := self._spoken.get()) is not None:
            work()

    def _pass_on(self, episode: Episode, end: Callable[[], Outcome]) -> None:
        """Let the writer end an episode, unless an error has ended it."""

        def work() -> None:
            if episode.ended:
                return
            try:
                self._answer(end())
            except PodttsError as error:
                self._refused(episode, error)

        self._spoken.put(work)

    def _keep(self, episode: Episode, audio: TurnAudio) -> None:
        if episode.ended:
            return
        try:
            episode.add(audio)
        except PodttsError as error:
            self._refused(episode, error)

    def _refused(self, episode: Episode, error: PodttsError) -> None:
        """End an episode that could not be written."""
        try:
            outcome = episode.stop(error)
        except PodttsError:  # the same disk again
            outcome = failed(episode.task, error)
        unwritable = isinstance(error.__cause__, OSError)
        self._answer(replace(outcome, unwritable=unwritable))

    def _answer(self, outcome: Outcome) -> None:
        if (answer := self._answers.pop(outcome.id, None)) is not None:
            answer.set_result(outcome)

    def _give_up(self) -> None:
        """Answer for everything that another worker has to do it."""
        while self._answers:
            self._answers.popitem()[1].set_exception(WorkerDiedError())

    def _guarded(self, run: Callable[[], None]) -> None:
        """Run a thread; if a mistake ends it, no one waits in vain."""
        sound = False
        try:
            run()
            sound = True
        finally:
            if not sound:
                self._give_up()


class _Row:
    """An episode being spoken."""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        self.turns_left = episode.unspoken
