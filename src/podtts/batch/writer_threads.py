"""The threads of a worker that write: turns in order, then the files. The device never waits.

One thread writes turns as they are synthesized. The other makes the files of episodes whose turns
are written, which may take as long as encoding an hour of audio does.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import replace

from podtts.batch.episode import BatchEpisode
from podtts.batch.task import Outcome, failed
from podtts.batch.turn_queue import TurnQueue, Work
from podtts.errors import DiskError, PodttsError
from podtts.values import TurnAudio


class WriterThreads:
    """Writes turns and ends episodes.

    answer: is called with every outcome. died: is called when an unexpected error ends a thread.
    """

    def __init__(self, answer: Callable[[Outcome], None], died: Callable[[], None]) -> None:
        self._answer, self._died = answer, died
        self._turns = TurnQueue()
        self._endings: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._guarded, args=(run,), name=run.__name__, daemon=True)
            for run in (self._write_turns, self._end_episodes)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, episode: BatchEpisode, audio: TurnAudio) -> None:
        """Let a turn be written; waits while too many turns are not written yet."""
        self._turns.put(episode.task.id, lambda: self._add(episode, audio))

    def end(self, episode: BatchEpisode, end: Callable[[], Outcome]) -> None:
        """Call `end` when the episode's turns are written, unless an error ended it before."""
        self._turns.put(None, lambda: self._endings.put(lambda: self._end(episode, end)))

    def close(self) -> None:
        """Finish all work that was added, and end the threads."""
        self._turns.put(None, None)
        for thread in self._threads:
            thread.join()

    def _write_turns(self) -> None:
        while self._turns.run_next():
            pass
        self._endings.put(None)

    def _end_episodes(self) -> None:
        while (work := self._endings.get()) is not None:
            work()

    def _add(self, episode: BatchEpisode, audio: TurnAudio) -> None:
        if episode.ended:
            return
        try:
            episode.add(audio)
        except PodttsError as error:
            self._stop(episode, error)

    def _end(self, episode: BatchEpisode, end: Callable[[], Outcome]) -> None:
        if episode.ended:
            return
        try:
            self._answer(end())
        except PodttsError as error:
            self._stop(episode, error)

    def _stop(self, episode: BatchEpisode, error: PodttsError) -> None:
        """End an episode that could not be written."""
        try:
            outcome = episode.stop(error)
        except PodttsError:  # the same disk again
            outcome = failed(episode.task, error)
        self._answer(replace(outcome, unwritable=isinstance(error, DiskError)))

    def _guarded(self, run: Callable[[], None]) -> None:
        """Run a thread; if an unexpected error ends it, nobody waits for it for ever."""
        is_complete = False
        try:
            run()
            is_complete = True
        finally:
            if not is_complete:
                self._turns.cancel()
                self._endings.put(None)
                self._died()
