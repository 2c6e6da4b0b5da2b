"""Ends the long work of a thread before its next step when nobody needs the result any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CANCEL: ContextVar[threading.Event | None] = ContextVar("cancel", default=None)


class Cancelled(Exception):  # noqa: N818 (it is no error)
    """Nobody needs what this thread computes."""


@contextmanager
def cancelled_by(event: threading.Event) -> Iterator[None]:
    """Within the context, work of this thread ends with Cancelled once the event is set."""
    token = _CANCEL.set(event)
    try:
        yield
    finally:
        _CANCEL.reset(token)


def raise_if_cancelled() -> None:
    """Raise Cancelled if this thread's work was cancelled. Long work calls it between its steps."""
    event = _CANCEL.get()
    if event is not None and event.is_set():
        raise Cancelled
