"""The writing side of a worker: turns are kept in order, episodes published, and no device waits.

Two threads: one keeps turns as they are spoken, the other makes files of what is whole, which may
take as long as encoding an hour does.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace

from podtts.batch.episode import Episode
from podtts.batch.task import Outcome, failed
from podtts.errors import PodttsError
from podtts.values import TurnAudio

# What a kill may lose, beside the turns being spoken. Of one script a turn is being written and one
# may wait: only a disk slower than the speaking of a turn holds it up then.
_TURNS_OF_ONE = 2
_TURNS_OF_ALL = 16

_Work = Callable[[], None]


class Writer:
    """Keeps turns and ends episodes; answer: told every outcome. lost: told when a thread died."""

    def __init__(self, answer: Callable[[Outcome], None], lost: Callable[[], None]) -> None:
        self._answer, self._lost = answer, lost
        self._backlog = _Backlog()
        self._endings: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._guarded, args=(run,), name=run.__name__, daemon=True)
            for run in (self._keep_turns, self._end_episodes)
        ]
        for thread in self._threads:
            thread.start()

    def keep(self, episode: Episode, audio: TurnAudio) -> None:
        """Keep a turn, soon; waits while too many are not kept yet."""
        self._backlog.put(episode.task.id, lambda: self._keep(episode, audio))

    def end(self, episode: Episode, end: Callable[[], Outcome]) -> None:
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

    def _keep(self, episode: Episode, audio: TurnAudio) -> None:
        if episode.ended:
            return
        try:
            episode.add(audio)
        except PodttsError as error:
            self._refused(episode, error)

    def _end(self, episode: Episode, end: Callable[[], Outcome]) -> None:
        if episode.ended:
            return
        try:
            self._answer(end())
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


class _Backlog:
    """Work in order, for one thread; work for a turn counts until it is done."""

    def __init__(self) -> None:
        self._work: deque[tuple[str | None, _Work | None]] = deque()
        self._undone: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._abandoned = False

    def put(self, turn_of: str | None, work: _Work | None) -> None:
        """Add work; None ends it all. turn_of: whose turn it is, if it is one: waits for room."""
        with self._changed:
            if turn_of is not None:
                self._changed.wait_for(lambda: self._has_room(turn_of))
                self._undone[turn_of] += 1
            self._work.append((turn_of, work))
            self._changed.notify_all()

    def work(self) -> bool:
        """Do what was put first, when there is something; whether there may be more."""
        with self._changed:
            self._changed.wait_for(lambda: self._work or self._abandoned)
            if self._abandoned:
                return False
            turn_of, work = self._work.popleft()
        if work is None:
            return False
        work()
        if turn_of is not None:
            with self._changed:
                self._undone[turn_of] -= 1
                self._undone += Counter()  # without those at nought
                self._changed.notify_all()
        return True

    def abandon(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()

    def _has_room(self, name: str) -> bool:
        mine, all_of_them = self._undone[name], self._undone.total()
        return self._abandoned or (mine < _TURNS_OF_ONE and all_of_them < _TURNS_OF_ALL)
