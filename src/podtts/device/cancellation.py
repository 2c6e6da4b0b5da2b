"""Work of a thread that nobody waits for any more ends before its next step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_GIVEN_UP: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)


class Cancelled(Exception):  # noqa: N818 (it is no error)
    """What this thread does is wanted no more."""


@contextmanager
def cancelled_by(given_up: threading.Event) -> Iterator[None]:
    """While entered, long work of this thread ends with Cancelled once the event is set."""
    token = _GIVEN_UP.set(given_up)
    try:
        yield
    finally:
        _GIVEN_UP.reset(token)


def raise_if_cancelled() -> None:
    """Raise Cancelled if this thread's work was given up; to be called between long steps."""
    given_up = _GIVEN_UP.get()
    if given_up is not None and given_up.is_set():
        raise Cancelled
