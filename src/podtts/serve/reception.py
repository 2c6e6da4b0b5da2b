"""Who is let in: a bounded queue before the engine, and one way out for every request."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from podtts.engine.request import Event, Request, RequestFailed, RequestFinished, TurnFinished
from podtts.serve.api_error import BUSY, SERVER, ApiError, stopping
from podtts.serve.engine_thread import EngineThread
from podtts.serve.limits import Limits
from podtts.serve.metrics import Metrics

_FIRST_GUESS_SECONDS = 5.0  # of a request, until one has ended
_NEW_SHARE = 0.2  # of the latest request in the mean of all


class Call:
    """A request at the engine, and what comes back. Of the event loop alone.

    endpoint: for the metrics. deadline_seconds: until the last event; None: there is no limit.
    """

    def __init__(
        self,
        reception: Reception,
        endpoint: str,
        request: Request,
        deadline_seconds: float | None,
    ) -> None:
        self._reception, self._loop = reception, asyncio.get_running_loop()
        self.endpoint, self.request = endpoint, request
        self.started = self._loop.time()
        self._seconds = deadline_seconds
        self._events: asyncio.Queue[Event | ApiError] = asyncio.Queue()
        self.is_computed = False  # or cancelled: it has no row any more
        self.is_closed = False

    async def next(self) -> Event:
        """The next event; the last one is RequestFinished.

        Raises ApiError when there is none: a failure, the deadline, or a server that stops.
        """
        seconds = self._seconds
        try:
            async with asyncio.timeout_at(None if seconds is None else self.started + seconds):
                event = await self._events.get()
        except TimeoutError:
            self.fail(late(seconds or 0.0))
            event = await self._events.get()
        if isinstance(event, RequestFailed):
            event = ApiError.of(event.error)
        if isinstance(event, TurnFinished):
            checks = "failed" if event.audio.problems else "passed"
            self._reception.metrics.turns.labels(checks).inc()
        if isinstance(event, ApiError | RequestFinished):
            self._reception.computed(self)
        if isinstance(event, ApiError):
            raise event
        return event

    def deliver(self, event: Event) -> None:
        """Take an event; called in the engine's thread."""
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waits
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def fail(self, error: ApiError) -> None:
        """Cancel the request, and let whoever waits for an event get this error."""
        self.cancel()
        self._events.put_nowait(error)

    def cancel(self) -> None:
        """Free the row; nothing more is computed for this request."""
        if not self.is_computed:
            self._reception.engine.cancel(self.request)
            self._reception.computed(self)

    def close(self, outcome: str) -> None:
        """Count the request, once, and free what it holds. outcome: see `Metrics.requests`."""
        self.cancel()
        if not self.is_closed:
            self.is_closed = True
            self._reception.closed(self, outcome)


class Reception:
    """Lets requests in, up to the limits. Of the event loop alone.

    engine: computes them.
    """

    def __init__(self, engine: EngineThread, limits: Limits, metrics: Metrics) -> None:
        self.engine, self.limits, self.metrics = engine, limits, metrics
        self._computing: set[Call] = set()  # running, or waiting for a row
        self._open: set[Call] = set()  # with a response that is not at its end
        self._mean_seconds = _FIRST_GUESS_SECONDS
        self.is_stopping = False
        self._empty = asyncio.Event()
        self._empty.set()
        metrics.gauge("podtts_queue_depth", "Requests that wait for a row.", lambda: engine.waiting)
        metrics.gauge("podtts_rows", "Rows of the engine.", lambda: engine.rows)
        metrics.gauge("podtts_rows_in_use", "Rows that compute.", lambda: engine.rows_in_use)
        metrics.gauge(
            "podtts_open_responses",
            "Requests whose response has not ended; their sound is kept until it is read.",
            lambda: len(self._open),
        )

    @property
    def computing(self) -> int:
        """How many requests have a row or wait for one."""
        return len(self._computing)

    @property
    def most_open(self) -> int:
        """How many responses may be open, those of slow readers included."""
        return 2 * (self.engine.rows + self.limits.queue)

    def check_open(self) -> None:
        """Raise ApiError if a request would not be let in now."""
        if self.is_stopping:
            raise stopping(self.limits.stop_seconds)
        if not self.engine.is_alive:
            raise ApiError(503, "the engine has ended; see the server's log", kind=SERVER)
        full = len(self._computing) >= self.engine.rows + self.limits.queue
        if full or len(self._open) >= self.most_open:
            waiting = self.engine.waiting
            raise ApiError(
                429,
                f"{waiting} requests are waiting, and the queue is full",
                kind=BUSY,
                code="queue_full",
                retry_seconds=self._mean_seconds * (waiting + 1) / self.engine.rows,
            )

    def admit(self, endpoint: str, request: Request, *, has_deadline: bool = True) -> Call:
        """Give a request to the engine. Raises ApiError if it is not let in."""
        self.check_open()
        seconds = self.limits.deadline_seconds if has_deadline else None
        call = Call(self, endpoint, request, seconds)
        self._computing.add(call)
        self._open.add(call)
        self._empty.clear()
        self.engine.add(request, call.deliver)
        return call

    def computed(self, call: Call) -> None:
        """Note that a request has no row any more."""
        if call.is_computed:
            return
        call.is_computed = True
        self._computing.discard(call)
        seconds = asyncio.get_running_loop().time() - call.started
        self._mean_seconds += _NEW_SHARE * (seconds - self._mean_seconds)

    def closed(self, call: Call, outcome: str) -> None:
        """Note that a response has ended."""
        self._open.discard(call)
        self.metrics.requests.labels(call.endpoint, outcome).inc()
        if not self._open:
            self._empty.set()

    def fail_all(self, error: ApiError) -> None:
        """End all requests that are being computed."""
        for call in [*self._computing]:
            call.fail(error)

    async def stop(self) -> None:
        """Let nobody in any more, and wait for those who are; at the limit they are ended."""
        self.is_stopping = True
        try:
            async with asyncio.timeout(self.limits.stop_seconds):
                await self._empty.wait()
        except TimeoutError:
            self.fail_all(stopping(0))


def late(seconds: float) -> ApiError:
    """The failure of a request that takes too long."""
    return ApiError(
        504,
        f"the sound was not ready within {seconds:g} s",
        kind=SERVER,
        code="deadline_exceeded",
    )
