"""A signal that asks to stop: what is being done is ended in order, nothing new is begun."""

from __future__ import annotations

import signal
from types import FrameType

from podtts.cli.messages import say


class DrainOnSignal:
    """While entered, the first SIGINT or SIGTERM is noted; a second one has its usual effect."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._before: dict[int, object] = {}
        self._told = False
        self.received: signal.Signals | None = None

    def __enter__(self) -> DrainOnSignal:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # a shell's background job
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *raised: object) -> None:
        self._restore()

    def stopped(self) -> bool:
        """Whether a signal came; says so once."""
        if self.received is not None and not self._told:
            self._told = True
            say(f"{self.received.name}: {self._doing}; again to stop at once")
        return self.received is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before.clear()
