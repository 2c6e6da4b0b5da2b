"""The writing side of a worker: turns are kept in order, episodes published, and no device waits.

Two threads: one keeps turns as they are spoken, the other makes files of what is whole, which may
take as long as encoding an hour does.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import replace

from podtts.batch.episode import BatchEpisode
from podtts.batch.task import Outcome, failed
from podtts.batch.turn_queue import TurnQueue, Work
from podtts.errors import PodttsError
from podtts.values import TurnAudio


class Writer:
    """Keeps turns and ends episodes; answer: told every outcome. lost: told when a thread died."""

    def __init__(self, answer: Callable[[Outcome], None], lost: Callable[[], None]) -> None:
        self._answer, self._lost = answer, lost
        self._backlog = TurnQueue()
        self._endings: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._guarded, args=(run,), name=run.__name__, daemon=True)
            for run in (self._keep_turns, self._end_episodes)
        ]
        for thread in self._threads:
            thread.start()

    def keep(self, episode: BatchEpisode, audio: TurnAudio) -> None:
        """Keep a turn, soon; waits while too many are not kept yet."""
        self._backlog.put(episode.task.id, lambda: self._keep(episode, audio))

    def end(self, episode: BatchEpisode, end: Callable[[], Outcome]) -> None:
        """End an episode when its turns are kept, unless an error has ended it by then."""
        self._backlog.put(None, lambda: self._endings.put(lambda: self._end(episode, end)))

    def close(self) -> None:
        """Do all that was given, and end."""
        self._backlog.put(None, None)
        for thread in self._threads:
            thread.join()

    def _keep_turns(self) -> None:
        while self._backlog.work():
            pass
        self._endings.put(None)

    def _end_episodes(self) -> None:
        while (work := self._endings.get()) is not None:
            work()

    def _keep(self, episode: BatchEpisode, audio: TurnAudio) -> None:
        if episode.ended:
            return
        try:
            episode.add(audio)
        except PodttsError as error:
            self._refused(episode, error)

    def _end(self, episode: BatchEpisode, end: Callable[[], Outcome]) -> None:
        if episode.ended:
            return
        try:
            self._answer(end())
        except PodttsError as error:
            self._refused(episode, error)

    def _refused(self, episode: BatchEpisode, error: PodttsError) -> None:
        """End an episode that could not be written."""
        try:
            outcome = episode.stop(error)
        except PodttsError:  # the same disk again
            outcome = failed(episode.task, error)
        unwritable = isinstance(error.__cause__, OSError)
        self._answer(replace(outcome, unwritable=unwritable))

    def _guarded(self, run: Callable[[], None]) -> None:
        """Run a thread; if a mistake ends it, no one waits in vain."""
        sound = False
        try:
            run()
            sound = True
        finally:
            if not sound:
                self._backlog.abandon()
                self._endings.put(None)
                self._lost()
