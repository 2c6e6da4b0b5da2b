"""Ends long work before its next step when nobody needs the result any more.

Python looks for a cancellation between steps, compiled code between layers, and what can only be
told to stop is told.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar


class Cancelled(Exception):  # noqa: N818 (it is no error)
    """Nobody needs what this thread computes."""


class Cancellation:
    """Whether somebody still needs the work of the threads that work under it (`cancelled_by`).

    Any thread may cancel, and may look.
    """

    def __init__(self) -> None:
        self._flag = array("i", [0])  # compiled code reads it, too
        self._stops: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Let the work end before its next step. It cannot be taken back."""
        self._flag[0] = 1
        for stop in tuple(self._stops):
            stop()

    @property
    def is_cancelled(self) -> bool:
        return bool(self._flag[0])

    @property
    def flag_address(self) -> int:
        """Where compiled code finds a C int: not 0 once it is cancelled."""
        return self._flag.buffer_info()[0]

    @contextmanager
    def calling(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within the context, to cancel is to call `stop`, too; at once if it was cancelled.

        stop: is called in the thread that cancels, perhaps twice or after the context has ended.
        """
        self._stops.append(stop)
        try:
            if self.is_cancelled:
                stop()
            yield
        finally:
            self._stops.remove(stop)


_CURRENT: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


@contextmanager
def cancelled_by(cancellation: Cancellation) -> Iterator[None]:
    """Within the context, work of this thread ends with Cancelled once somebody cancels it."""
    token = _CURRENT.set(cancellation)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def work_under(cancellation: Cancellation | None) -> None:
    """Let all further work of this thread end once somebody cancels it; None: nobody does."""
    _CURRENT.set(cancellation)


def raise_if_cancelled() -> None:
    """Raise Cancelled if this thread's work was cancelled. Long work calls it between its steps."""
    cancellation = _CURRENT.get()
    if cancellation is not None and cancellation.is_cancelled:
        raise Cancelled


def cancellation_flag() -> int | None:
    """The address of the flag of this thread's work, for compiled code; None: there is none."""
    cancellation = _CURRENT.get()
    return None if cancellation is None else cancellation.flag_address


@contextmanager
def calling_if_cancelled(stop: Callable[[], None]) -> Iterator[None]:
    """Within the context, to cancel this thread's work is to call `stop`, too.

    For stop see `Cancellation.calling`. How the work ends that was stopped is its own affair:
    `raise_if_cancelled` tells an error from an end that was asked for.
    """
    cancellation = _CURRENT.get()
    with nullcontext() if cancellation is None else cancellation.calling(stop):
        yield
