"""Runs a server: one process, one model, one engine, until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from podtts.batch.memory import rows_that_fit
from podtts.engine.engine import Engine
from podtts.episode.fingerprint import checkpoint_fingerprint
from podtts.errors import UsageError
from podtts.flow.prompt_states import PromptStates
from podtts.serve.lifetime import Lifetime
from podtts.serve.setup import Reporting, ServerSetup
from podtts.weights.derived import open_checkpoint

MAX_ROWS = 8  # unless somebody asks for more: more rows make the first sound of each wait


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens. Raises UsageError for an address that cannot be had."""
    try:
        [(family, *_), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listener = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            "stop what uses it, or choose another --port",
        ) from error
    with listener:
        yield listener


def serve(
    setup: ServerSetup, listener: socket.socket, reporting: Reporting
) -> signal.Signals | None:
    """Load the model and answer requests until a signal comes; return the signal.

    Raises ModelError, DeviceError; PodttsError if the engine ends by itself.
    """
    opened = open_checkpoint(
        setup.directory,
        setup.placement,
        setup.root,
        reporting.warn,
        keeps_prefixes=setup.keeps_prefix,
    )
    if opened.models.untrained:
        reporting.say("this checkpoint has random weights: its speech is noise")
    options = setup.defaults.options
    rows = setup.rows or min(MAX_ROWS, rows_that_fit(opened.models, options, 1))
    states = PromptStates(setup.flow_cache)
    engine = Engine(opened.models, opened.prefixes, rows=rows, prompt_states=states)
    checkpoint = checkpoint_fingerprint(setup.directory, setup.placement, setup.root)
    return asyncio.run(Lifetime(setup, engine, checkpoint, listener, reporting).run())
