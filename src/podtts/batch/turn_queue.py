"""What waits to be written: in order, and never much of it."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable

# What a kill may lose, beside the turns being spoken. Of one script a turn is being written and one
# may wait: only a disk slower than the speaking of a turn holds it up then.
_TURNS_OF_ONE = 2
_TURNS_OF_ALL = 16

Work = Callable[[], None]


class TurnQueue:
    """Work in order, for one thread; work for a turn counts until it is done."""

    def __init__(self) -> None:
        self._work: deque[tuple[str | None, Work | None]] = deque()
        self._undone: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._abandoned = False

    def put(self, turn_of: str | None, work: Work | None) -> None:
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
