"""A short queue between the engine and the thread that writes: in order, and bounded."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable

# What a kill may lose beside the turns that are in the engine. One turn of a script is being
# written and one may wait: only a disk that is slower than the synthesis of a turn holds it up.
_TURNS_PER_EPISODE = 2
_TURNS_IN_ALL = 16

Work = Callable[[], None]


class TurnQueue:
    """Work in order, for one thread; the work for a turn counts until it is done."""

    def __init__(self) -> None:
        self._work: deque[tuple[str | None, Work | None]] = deque()
        self._undone: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._cancelled = False

    def put(self, episode: str | None, work: Work | None) -> None:
        """Add work; None ends the queue.

        episode: the id of the episode that the work writes a turn of, and then `put` waits while
                 too many turns are not written; None for other work.
        """
        with self._changed:
            if episode is not None:
                self._changed.wait_for(lambda: self._has_room(episode))
                self._undone[episode] += 1
            self._work.append((episode, work))
            self._changed.notify_all()

    def run_next(self) -> bool:
        """Wait for work and do what was added first; return whether more may come."""
        with self._changed:
            self._changed.wait_for(lambda: self._work or self._cancelled)
            if self._cancelled:
                return False
            episode, work = self._work.popleft()
        if work is None:
            return False
        work()
        if episode is not None:
            with self._changed:
                self._undone[episode] -= 1
                self._undone += Counter()  # drops counts of zero
                self._changed.notify_all()
        return True

    def cancel(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def _has_room(self, episode: str) -> bool:
        of_episode, in_all = self._undone[episode], self._undone.total()
        return self._cancelled or (of_episode < _TURNS_PER_EPISODE and in_all < _TURNS_IN_ALL)
