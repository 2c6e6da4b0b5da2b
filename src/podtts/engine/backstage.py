"""Turns rendered on a thread of their own, while the LLM writes the next ones."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from podtts.device.cancellation import cancelled_by
from podtts.device.cuda_stream import DeviceStream
from podtts.device.memory import memory_errors_named
from podtts.engine.renderer import Render, Rendered, render
from podtts.llm.generate import NotFiniteError
from podtts.weights.load import Models


class Backstage:
    """One thread that renders turns, a group at a time."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="render")
        self._queue = DeviceStream(models.device)
        self._work: Future[list[Rendered | NotFiniteError]] | None = None
        self._closing = Event()

    @property
    def is_busy(self) -> bool:
        """Whether a group was begun and not yet collected."""
        return self._work is not None

    @property
    def is_done(self) -> bool:
        """Whether there is something to collect."""
        return self._work is not None and self._work.done()

    def begin(self, turns: Sequence[Render]) -> None:
        """Render turns of the same options; the group before must have been collected."""
        assert self._work is None
        self._work = self._thread.submit(self._render, turns)

    def wait(self) -> None:
        """Wait cancelled_by nothing is being rendered."""
        if self._work is not None:
            self._work.exception()

    def collect(self) -> list[Rendered | NotFiniteError]:
        """Wait for a group's turns. Raises what went wrong with it."""
        assert self._work is not None
        work, self._work = self._work, None
        return work.result()

    def close(self) -> None:
        """End the thread before its next step; what it has rendered is forgotten."""
        self._closing.set()
        self._thread.shutdown()

    def _render(self, turns: Sequence[Render]) -> list[Rendered | NotFiniteError]:
        with (
            cancelled_by(self._closing),
            memory_errors_named("rendering turns"),
            self._queue.active(),
        ):
            return render(self.models, turns)
