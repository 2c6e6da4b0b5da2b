"""Workers as processes of this machine, one a device."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from concurrent.futures import Future

from podtts.batch.task import Outcome, Ready, Setup, Task, WorkerFailure
from podtts.batch.worker_handle import WorkerDiedError
from podtts.batch.worker_process import DRAIN, receive, send, serve


class ProcessWorker:
    """A process that holds a loaded checkpoint."""

    def __init__(self, setup: Setup) -> None:
        # Spawned: a fork would copy CUDA's state and the locks of other threads.
        context = multiprocessing.get_context("spawn")
        self._connection, child_end = context.Pipe()
        self._process = context.Process(target=serve, args=(child_end, setup), daemon=True)
        self._process.start()
        child_end.close()
        self._ready: Future[Ready] = Future()
        self._answers: dict[str, Future[Outcome]] = {}
        self._is_gone = False
        self._ending = threading.Lock()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def process_id(self) -> int | None:
        return self._process.pid

    def ready(self) -> Future[Ready]:
        return self._ready

    def submit(self, task: Task) -> Future[Outcome]:
        answer: Future[Outcome] = Future()
        with self._ending:
            if self._is_gone:
                answer.set_exception(WorkerDiedError())
                return answer
            self._answers[task.id] = answer
        with contextlib.suppress(OSError):  # it has just died: the listener answers
            send(self._connection, task)
        return answer

    def drain(self) -> None:
        with contextlib.suppress(OSError):
            send(self._connection, DRAIN)

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._listener.join()
        self._connection.close()

    def _listen(self) -> None:
        failure: WorkerFailure | None = None
        while True:
            try:
                message = receive(self._connection)
            except (EOFError, OSError):
                break
            if isinstance(message, Ready):
                self._ready.set_result(message)
            elif isinstance(message, WorkerFailure):
                failure = message
            else:
                assert isinstance(message, Outcome)
                self._answers.pop(message.id).set_result(message)
        with self._ending:
            self._is_gone = True
        error = failure.error() if failure else WorkerDiedError()
        if not self._ready.done():
            self._ready.set_exception(error)
        for answer in self._answers.values():
            answer.set_exception(error)
