"""One run of a server, from its first request to its last."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvicorn

from podtts.engine.engine import Engine
from podtts.engine.request import RequestFinished
from podtts.errors import PodttsError
from podtts.serve.api_error import SERVER, ApiError, stopping
from podtts.serve.app import create_app
from podtts.serve.engine_thread import EngineThread
from podtts.serve.job_runner import JobRunner
from podtts.serve.job_store import JobStore
from podtts.serve.jobs_api import job_task
from podtts.serve.metrics import Metrics
from podtts.serve.order import OrderBuilder
from podtts.serve.reception import Reception
from podtts.serve.service import Service
from podtts.serve.setup import Reporting, ServerSetup
from podtts.serve.stop_signals import StopSignals
from podtts.serve.texts import PLAIN_LABEL, plain_script
from podtts.serve.voices import VoiceShelf

_CLOSING_SECONDS = 5  # for connections whose response has ended
LAST_SECONDS = 10.0  # from the end of the last request to that of the process, at most
_CONNECTIONS = 1000
_WARM_TEXT = "Good evening."
_INCOMPLETE = "ASGI callable returned without completing response."


@dataclass
class Lifetime:
    """What lives as long as the event loop. checkpoint: see `checkpoint_fingerprint`."""

    setup: ServerSetup
    engine: Engine
    checkpoint: Mapping[str, Any]
    listener: socket.socket
    reporting: Reporting
    died: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> signal.Signals | None:
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.call_soon_threadsafe(self.died.set)

        with StopSignals() as signals:
            thread = EngineThread(self.engine, tell)
            service = self._service(thread)
            store = JobStore(self.setup.jobs, self.reporting.warn)
            jobs = self._runner(thread, service, store)
            server = _Server(self._config(service, store, jobs))
            serving = asyncio.create_task(server.serve([self.listener]))
            warming = asyncio.create_task(self._warm(service, jobs))
            warming.add_done_callback(self._check_warm)
            await _first_of(signals.first, self.died)
            warming.cancel()
            if self.died.is_set():
                service.reception.is_stopping = True
                service.reception.fail_all(ApiError(500, "the engine has ended", kind=SERVER))
            else:
                await self._drain(service.reception, jobs, signals)
            service.uploads.cancel()
            await jobs.stop(0)
            server.should_exit = True
            await serving
            await asyncio.to_thread(thread.close)
        if self.died.is_set():
            raise PodttsError("the engine has ended unexpectedly", "start the server again")
        return signals.received

    def _service(self, thread: EngineThread) -> Service:
        setup, models = self.setup, self.engine.models
        metrics = Metrics()
        metrics.gauge(
            "podtts_voice_states_bytes",
            "Memory of the voices that the streaming flow has solved; --flow-cache bounds it.",
            lambda: self.engine.prompt_states.memory_bytes,
        )
        orders = OrderBuilder(
            VoiceShelf(setup.sources, setup.names),
            setup.defaults,
            setup.directory.resolve().name,
            setup.directory,
            setup.placement,
            models.template.encode,
            setup.limits,
            self.reporting.today,
        )
        reception = Reception(thread, setup.limits, metrics)
        forget = self.engine.prompt_states.clear
        return Service(reception, orders, setup.limits, metrics, forget)

    def _runner(self, thread: EngineThread, service: Service, store: JobStore) -> JobRunner:
        orders = service.orders
        return JobRunner(
            thread,
            store,
            partial(job_task, orders),
            self.checkpoint,
            orders.model,
            max(1, thread.rows // 2),
            lambda: service.reception.computing,
            self.setup.limits.keep_days,
        )

    def _config(self, service: Service, store: JobStore, jobs: JobRunner) -> uvicorn.Config:
        setup = self.setup
        logging.getLogger("uvicorn.error").addFilter(_is_no_unclean_end)
        return uvicorn.Config(
            create_app(
                service, store, jobs, setup.tokens, setup.origins, loopback=setup.is_loopback
            ),
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_CLOSING_SECONDS,
        )

    async def _warm(self, service: Service, jobs: JobRunner) -> None:
        """Speak a text in both modes of the flow, so that nobody waits for what is done once."""
        orders = service.orders
        voice = next((each.name for each in orders.shelf.listed() if each.prompt), None)
        for streams in (True, False):
            if voice is None:
                self.reporting.say("no voice is prepared for this model: podtts prep makes one")
                break
            settings = orders.settings({}, None, streams=streams)
            script = plain_script(_WARM_TEXT, "warm-up", settings.reading)
            order = await asyncio.to_thread(
                partial(orders.build, bounds=self.setup.limits.live),
                script,
                {PLAIN_LABEL: voice},
                settings,
                "warm-up",
            )
            request = order.request(streams=streams)
            call = service.reception.admit("warm-up", request, has_deadline=False)
            while not isinstance(await call.next(), RequestFinished):
                pass
            call.close("done")
        service.is_ready = True
        await jobs.start()
        self.reporting.say("ready")

    def _check_warm(self, warming: asyncio.Task[None]) -> None:
        """End the server if its model cannot speak."""
        if not warming.cancelled() and (error := warming.exception()) is not None:
            self.reporting.warn(f"the model cannot speak: {error}")
            self.died.set()

    async def _drain(self, reception: Reception, jobs: JobRunner, signals: StopSignals) -> None:
        assert signals.received is not None
        limit = self.setup.limits.stop_seconds
        self.reporting.say(
            f"{signals.received.name}: running requests have {limit:g} s to end; send it again to "
            "stop at once"
        )

        async def stop_all() -> None:
            await asyncio.gather(reception.stop(), jobs.stop(limit))

        _end_after(limit + LAST_SECONDS, signals.received)
        waits: list[asyncio.Task[Any]] = [
            asyncio.create_task(stop_all()),
            asyncio.create_task(signals.second.wait()),
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        _end_after(LAST_SECONDS, signals.received)
        reception.fail_all(stopping(0))


class _Server(uvicorn.Server):
    """Leaves signals to `StopSignals`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _end_after(seconds: float, received: signal.Signals) -> None:
    """End the process if it is still there: all that is to stay is on the disk at any moment.

    A library that encodes an hour of sound, or a disk that hangs, would hold it up.
    """
    timer = threading.Timer(seconds, os._exit, (128 + received,))
    timer.daemon = True
    timer.start()


async def _first_of(*events: asyncio.Event) -> None:
    """Wait for one of several events."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _is_no_unclean_end(record: logging.LogRecord) -> bool:
    """Leaves out what uvicorn logs for a body that is left without its end on purpose."""
    return record.getMessage() != _INCOMPLETE
