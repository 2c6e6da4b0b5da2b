"""A worker's process: it loads a checkpoint and answers tasks until its parent is gone."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import threading
from concurrent.futures import Future
from multiprocessing.connection import Connection

from podtts.batch.task import Outcome, Ready, Setup, Task, WorkerFailure
from podtts.batch.worker import Worker
from podtts.errors import PodttsError

DRAIN = "drain"  # the one message to a worker that is no task

_DIED = 70  # exit code of a worker that an unexpected error ended


def open_worker(setup: Setup) -> tuple[Worker, Ready]:
    """Load a checkpoint and return a worker that waits for tasks. Raises PodttsError."""
    import torch

    from podtts.batch.memory import rows_that_fit
    from podtts.device.placement import compiled_code_problems
    from podtts.ears.turn_listener import TurnListener
    from podtts.ears.whisper import Whisper
    from podtts.engine.engine import Engine
    from podtts.episode.fingerprint import checkpoint_fingerprint
    from podtts.flow.prompt_states import PromptStates
    from podtts.options import SamplingOptions, SynthesisOptions
    from podtts.presets import suited_placement
    from podtts.weights.derived import open_checkpoint

    if setup.threads is not None:
        torch.set_num_threads(setup.threads)
    directory, root = setup.directory, setup.root
    placement = suited_placement(
        setup.device, setup.dtype, setup.quantize, asked=setup.keeps_quantize
    )
    opened = open_checkpoint(directory, placement, root, _warn, keeps_prefixes=setup.keeps_prefix)
    options = SynthesisOptions(sampling=SamplingOptions(max_tokens=setup.longest_turn))
    rows = setup.rows or min(setup.most, rows_that_fit(opened.models, options, setup.share))
    states = PromptStates(setup.flow_cache)
    engine = Engine(opened.models, opened.prefixes, rows=rows, prompt_states=states)
    listener = None
    if setup.recognizer is not None:
        listener = TurnListener(Whisper(setup.recognizer, torch.get_num_threads()))
    checkpoint = checkpoint_fingerprint(directory, placement, root, setup.recognizer)
    worker = Worker(
        engine, placement, checkpoint, directory.name, setup.day, setup.output, _warn, listener
    )
    problems = compiled_code_problems(placement)
    return worker, Ready(rows, str(placement), os.getpid(), problems)


def serve(connection: Connection, setup: Setup) -> None:
    """Run a worker that receives tasks over a connection and sends outcomes, until it is closed."""
    # Ctrl-C reaches every process of a terminal; the parent decides what is still to be done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        worker, ready = open_worker(setup)
    except PodttsError as error:
        _report(connection, WorkerFailure.of(error))
        return
    _report(connection, ready)
    sending = threading.Lock()  # the writer threads answer, and this one

    def answer(outcome: Future[Outcome]) -> None:
        if outcome.exception() is not None:  # the thread that ended has printed why
            os._exit(_DIED)
        with sending:
            _report(connection, outcome.result())

    while True:
        try:
            message = receive(connection)
        except (EOFError, OSError):
            os._exit(0)  # the turns in progress are not needed: the next run makes them again
        if message == DRAIN:
            worker.drain()
        else:
            assert isinstance(message, Task)
            worker.submit(message).add_done_callback(answer)


def send(connection: Connection, message: object) -> None:
    """Send a value. Tensors go as bytes, because torch's own way keeps a file open for each."""
    connection.send_bytes(pickle.dumps(message))


def receive(connection: Connection) -> object:
    """Return the next value. Raises EOFError or OSError when the other side is gone."""
    message: object = pickle.loads(connection.recv_bytes())
    return message


def _report(connection: Connection, message: object) -> None:
    with contextlib.suppress(OSError):  # the parent is gone
        send(connection, message)


def _warn(line: str) -> None:
    with contextlib.suppress(OSError):  # whoever read stderr is gone
        sys.stderr.write(f"podtts: warning: {line}\n")
