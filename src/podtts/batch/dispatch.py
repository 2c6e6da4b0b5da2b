"""Assigns tasks to workers as they become free, and again when a worker dies.

Scripts are read and voices computed beside the workers, a little ahead of them. Every id gets
exactly one outcome.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from podtts.batch.request import Entry
from podtts.batch.task import Outcome, Ready, Task, failed
from podtts.batch.worker_handle import WorkerDiedError, WorkerHandle
from podtts.device.cancellation import Cancellation, cancelled_by
from podtts.errors import DeviceError

Built = Task | Outcome  # ready for a worker, or known already

_BUILDERS = 2  # threads: a voice that takes long to compute delays no script that needs none
_AHEAD = 2  # tasks a worker that are built beyond what the workers have room for
_DEATHS = 3  # of workers with the same task, or in a row while loading
_POLL_SECONDS = 0.2  # how soon a signal is seen


class Dispatcher:
    """Brings entries to workers.

    build:    reads an entry and gathers its voices; called in threads.
    starts:   functions that start a worker, one for each worker that runs at the same time.
    stopped:  whether to begin nothing more.
    on_ready: is called when a worker has loaded its models.
    """

    def __init__(
        self,
        build: Callable[[Entry], Built],
        starts: Sequence[Callable[[], WorkerHandle]],
        stopped: Callable[[], bool],
        on_ready: Callable[[Ready], None],
    ) -> None:
        self._build, self._stopped, self._on_ready = build, stopped, on_ready
        self._slots = [_Slot(start) for start in starts]
        self._building: list[Future[Built]] = []
        self._building_ends = Cancellation()
        self._tasks: deque[Task] = deque()
        self._suspects: deque[Task] = deque()  # a worker died with them: each runs alone now
        self._deaths: Counter[str] = Counter()

    def run(self, entries: Iterable[Entry]) -> Iterator[Outcome]:
        """Yield outcomes as they come. Raises PodttsError when no worker can continue."""
        to_build = iter(entries)
        pool = ThreadPoolExecutor(_BUILDERS, thread_name_prefix="build")
        is_drained = False
        try:
            while True:
                if self._stopped():
                    is_drained = is_drained or self._drain()
                else:
                    self._build_ahead(to_build, pool)
                    self._assign()
                if not (pending := self._pending(is_drained)):
                    return
                wait(pending, _POLL_SECONDS, FIRST_COMPLETED)
                yield from self._collect_built()
                for slot in self._slots:
                    yield from self._collect_outcomes(slot, is_drained)
        finally:
            self._building_ends.cancel()
            pool.shutdown(wait=False, cancel_futures=True)
            for slot in self._slots:
                slot.clear()

    def _build_ahead(self, entries: Iterator[Entry], pool: ThreadPoolExecutor) -> None:
        room = _AHEAD * len(self._slots) + sum(slot.room for slot in self._slots)
        while len(self._building) + len(self._tasks) < room:
            if (entry := next(entries, None)) is None:
                return
            self._building.append(pool.submit(self._cancellable_build, entry))

    def _cancellable_build(self, entry: Entry) -> Built:
        with cancelled_by(self._building_ends):
            return self._build(entry)

    def _assign(self) -> None:
        loading = sum(slot.loading is not None for slot in self._slots)
        for slot in self._slots:
            if slot.is_empty and loading < len(self._tasks) + len(self._suspects):
                slot.start()
                loading += 1
        while self._suspects and (idle := [slot for slot in self._slots if slot.is_idle]):
            idle[0].submit(self._suspects.popleft(), alone=True)
        while self._tasks and (free := [slot for slot in self._slots if slot.room > 0]):
            min(free, key=lambda slot: len(slot.tasks)).submit(self._tasks.popleft())

    def _drain(self) -> bool:
        for slot in self._slots:
            slot.drain()
        return True

    def _pending(self, is_drained: bool) -> set[Future[Any]]:
        """What to wait for; empty: all is done."""
        running: set[Future[Any]] = {answer for slot in self._slots for answer in slot.tasks}
        if not running and (is_drained or not (self._building or self._tasks or self._suspects)):
            return set()
        loading = {slot.loading for slot in self._slots if slot.loading is not None}
        return running | loading | set(() if is_drained else self._building)

    def _collect_built(self) -> Iterator[Outcome]:
        for future in [future for future in self._building if future.done()]:
            self._building.remove(future)
            built = future.result()
            if isinstance(built, Outcome):
                yield built
            else:
                self._tasks.append(built)

    def _collect_outcomes(self, slot: _Slot, is_drained: bool) -> Iterator[Outcome]:
        if (ready := slot.take_ready()) is not None:
            self._on_ready(ready)
        if slot.has_died():
            wait(slot.tasks)  # each of its tasks is lost, or was just answered
        lost = []
        for answer in [answer for answer in slot.tasks if answer.done()]:
            task = slot.tasks.pop(answer)
            if isinstance(answer.exception(), WorkerDiedError):
                lost.append(task)
            else:
                yield answer.result()
        if lost:
            slot.clear()
        for task in lost:
            yield from self._retry(task, is_drained)

    def _retry(self, task: Task, is_drained: bool) -> Iterator[Outcome]:
        self._deaths[task.id] += 1
        if is_drained:
            yield Outcome(task.id, "stopped")
        elif self._deaths[task.id] < _DEATHS:
            self._suspects.append(task)
        else:
            yield failed(
                task,
                DeviceError(
                    f"{task.id}: its worker died {_DEATHS} times during synthesis",
                    "memory may be too short: see the system's log, shorten turns, or use "
                    "--batch 1",
                ),
            )


class _Slot:
    """The place of one worker, and the tasks that the worker has."""

    def __init__(self, start: Callable[[], WorkerHandle]) -> None:
        self._start = start
        self._worker: WorkerHandle | None = None
        self._rows = 0  # until the worker has its models
        self._early_deaths = 0
        self._alone = False
        self.loading: Future[Ready] | None = None
        self.tasks: dict[Future[Outcome], Task] = {}

    @property
    def is_empty(self) -> bool:
        return self._worker is None

    @property
    def is_idle(self) -> bool:
        return self._rows > 0 and not self.tasks

    @property
    def room(self) -> int:
        """How many tasks it takes now: it has up to two a row, so that no row waits."""
        return 0 if self._alone and self.tasks else 2 * self._rows - len(self.tasks)

    def start(self) -> None:
        self._worker = self._start()
        self.loading = self._worker.ready()

    def submit(self, task: Task, *, alone: bool = False) -> None:
        assert self._worker is not None
        self._alone = alone
        self.tasks[self._worker.submit(task)] = task

    def take_ready(self) -> Ready | None:
        """Return what the worker reports when it has its models, once.

        Raises the error that keeps the worker from its work.
        """
        if self.loading is None or not self.loading.done():
            return None
        loading = self.loading
        if isinstance(loading.exception(), WorkerDiedError):
            self.clear()
            self._early_deaths += 1
            if self._early_deaths == _DEATHS:
                raise DeviceError(
                    f"a worker died {_DEATHS} times while it loaded the model",
                    "memory may be too short: see the system's log, or use fewer workers",
                )
            return None
        ready = loading.result()
        self.loading, self._rows, self._early_deaths = None, ready.rows, 0
        return ready

    def has_died(self) -> bool:
        """Whether a task of the worker was lost."""
        answers = [answer for answer in self.tasks if answer.done()]
        return any(isinstance(answer.exception(), WorkerDiedError) for answer in answers)

    def drain(self) -> None:
        if self._worker is not None:
            self._worker.drain()

    def clear(self) -> None:
        """End the worker; another is started when there is work."""
        if self._worker is not None:
            self._worker.close()
        self._worker, self.loading, self._rows, self._alone = None, None, 0, False
