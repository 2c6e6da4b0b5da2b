"""The one thread that computes: all requests share the rows of its engine.

Other threads add and cancel requests. The thread looks for that before every step of the engine,
so a request that nobody waits for ends with the step that is being done, and no other notices.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from podtts.device.cancellation import Cancellation, Cancelled, cancelled_by
from podtts.engine.engine import Engine, within_memory
from podtts.engine.request import Event, Request, RequestFailed, RequestFinished
from podtts.errors import OutOfMemoryError, PodttsError

Deliver = Callable[[Event], None]


@dataclass
class _Running:
    """A request of the engine. reported: something of it was delivered."""

    deliver: Deliver
    reported: bool = False


class EngineThread:
    """Runs an engine until it is closed.

    When memory is too short for all rows, it goes on with half of them: requests of which nothing
    was reported begin again, the others fail with OutOfMemoryError. All rows are back once there is
    nothing to do.

    died: is called when an unexpected error ends the thread. Nobody is answered after that.
    """

    def __init__(self, engine: Engine, died: Callable[[], None]) -> None:
        self._engine, self._died = engine, died
        self._full_rows = engine.rows
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._running: dict[Request, _Running] = {}  # of the thread alone, in the order they came
        self._cancellation = Cancellation()
        self._thread = threading.Thread(target=self._guarded, name="engine", daemon=True)
        self._thread.start()

    @property
    def rows(self) -> int:
        """How many requests the engine computes at a time when memory suffices."""
        return self._full_rows

    @property
    def rows_in_use(self) -> int:
        """How many rows are not free, as of now."""
        return min(self._engine.rows, len(self._running))

    @property
    def waiting(self) -> int:
        """How many requests have no row, as of now."""
        return max(0, len(self._running) - self._engine.rows)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def add(self, request: Request, deliver: Deliver) -> None:
        """Take a request. deliver: is called in the engine's thread with all that it reports.

        The last event is RequestFinished or RequestFailed, also for a request that does not fit
        the checkpoint. After `cancel` only those of the step that is being done may come.
        """
        self._inbox.put(lambda: self._add(request, deliver))

    def cancel(self, request: Request) -> None:
        """Free the row of a request before the next step. What has ended is left alone."""
        self._inbox.put(lambda: self._cancel(request))

    def close(self) -> None:
        """End the thread, in the middle of a step; requests that are left are not answered."""
        self._inbox.put(None)
        self._cancellation.cancel()
        self._thread.join()

    def _add(self, request: Request, deliver: Deliver) -> None:
        try:
            self._engine.add(request)
        except PodttsError as error:
            deliver(RequestFailed(request, error))
        else:
            self._running[request] = _Running(deliver)

    def _cancel(self, request: Request) -> None:
        if self._running.pop(request, None) is not None:
            self._engine.cancel(request)

    def _run(self) -> None:
        while True:
            try:
                command = self._inbox.get(block=self._engine.is_idle)
            except queue.Empty:
                self._step()
                continue
            if command is None:
                return
            command()

    def _step(self) -> None:
        events = within_memory(self._engine.step)
        if isinstance(events, OutOfMemoryError):
            self._give_up_rows(events)
            return
        for event in events:
            running = self._running[event.request]
            running.reported = True
            if isinstance(event, RequestFinished | RequestFailed):
                del self._running[event.request]
            running.deliver(event)
        if self._engine.is_idle and self._engine.rows < self._full_rows:
            self._engine.resize(self._full_rows)

    def _give_up_rows(self, shortage: OutOfMemoryError) -> None:
        rows, waiting = self._engine.rows, self._running
        self._running = {}
        self._engine.resize(max(1, rows // 2))
        for number, (request, running) in enumerate(waiting.items()):
            # In the only row, the oldest request itself needs too much.
            if running.reported or (rows == 1 and number == 0):
                running.deliver(RequestFailed(request, shortage))
            else:
                self._add(request, running.deliver)

    def _guarded(self) -> None:
        """Run the thread; say so if an unexpected error ends it."""
        is_complete = False
        try:
            with cancelled_by(self._cancellation):
                self._run()
            is_complete = True
        except Cancelled:
            is_complete = True
        finally:
            if is_complete:
                self._engine.close()
            else:
                self._died()
