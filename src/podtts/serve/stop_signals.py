"""SIGINT and SIGTERM while a server runs: the first asks it to stop, the second to stop at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Takes the two signals while it is entered, in the main thread.

    received: the first signal that came; None: none did.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        self._wakeup = -1
        self.first, self.second = asyncio.Event(), asyncio.Event()
        self.received: signal.Signals | None = None

    def __enter__(self) -> StopSignals:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as shells set for background jobs
                self._before[number] = signal.signal(number, self._receive)
        self._wakeup = signal.set_wakeup_fd(-1)  # the command line would cancel all work
        return self

    def __exit__(self, *raised: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        event = self.first if self.received is None else self.second
        self.received = self.received or signal.Signals(number)
        self._loop.call_soon_threadsafe(event.set)
