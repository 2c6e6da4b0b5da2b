"""Who does what: tasks to workers as they get free, and again when a worker dies.

Scripts are read, and voices computed, a little ahead of the workers and beside them. Every id gets
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
from podtts.errors import DeviceError

Staged = Task | Outcome  # ready to be spoken, or settled already

_STAGERS = 2  # a voice that takes long to compute does not hold up scripts that need none
_AHEAD = 2  # scripts a worker staged beyond what there is room for
_DEATHS = 3  # of workers with the same task, or in a row while loading
_POLL_SECONDS = 0.2  # how soon a signal is seen


class Dispatcher:
    """Brings entries to workers.

    stage: reads an entry and gathers its voices; called in threads.
    hire:  starts a worker; one function for each that is to be there at the same time.
    stopped: whether to begin nothing more. told: a worker has its models.
    """

    def __init__(
        self,
        stage: Callable[[Entry], Staged],
        hire: Sequence[Callable[[], WorkerHandle]],
        stopped: Callable[[], bool],
        told: Callable[[Ready], None],
    ) -> None:
        self._stage, self._stopped, self._told = stage, stopped, told
        self._slots = [_Slot(start) for start in hire]
        self._staging: list[Future[Staged]] = []
        self._tasks: deque[Task] = deque()
        self._suspects: deque[Task] = deque()  # a worker died with them: spoken alone from then on
        self._deaths: Counter[str] = Counter()

    def run(self, entries: Iterable[Entry]) -> Iterator[Outcome]:
        """Yield outcomes as they come. Raises PodttsError when no worker could go on."""
        coming = iter(entries)
        pool = ThreadPoolExecutor(_STAGERS, thread_name_prefix="stage")
        drained = False
        try:
            while True:
                if self._stopped():
                    drained = drained or self._drain()
                else:
                    self._stage_ahead(coming, pool)
                    self._hand_out()
                if not (waited := self._waited(drained)):
                    return
                wait(waited, _POLL_SECONDS, FIRST_COMPLETED)
                yield from self._staged()
                for slot in self._slots:
                    yield from self._collected(slot, drained)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for slot in self._slots:
                slot.clear()

    def _stage_ahead(self, coming: Iterator[Entry], pool: ThreadPoolExecutor) -> None:
        room = _AHEAD * len(self._slots) + sum(slot.room for slot in self._slots)
        while len(self._staging) + len(self._tasks) < room:
            if (entry := next(coming, None)) is None:
                return
            self._staging.append(pool.submit(self._stage, entry))

    def _hand_out(self) -> None:
        loading = sum(slot.loading is not None for slot in self._slots)
        for slot in self._slots:
            if slot.is_empty and loading < len(self._tasks) + len(self._suspects):
                slot.hire()
                loading += 1
        while self._suspects and (idle := [slot for slot in self._slots if slot.is_idle]):
            idle[0].give(self._suspects.popleft(), alone=True)
        while self._tasks and (open_to := [slot for slot in self._slots if slot.room > 0]):
            min(open_to, key=lambda slot: len(slot.held)).give(self._tasks.popleft())

    def _drain(self) -> bool:
        for slot in self._slots:
            slot.drain()
        return True

    def _waited(self, drained: bool) -> set[Future[Any]]:
        held: set[Future[Any]] = {answer for slot in self._slots for answer in slot.held}
        if not held and (drained or not (self._staging or self._tasks or self._suspects)):
            return set()
        loading = {slot.loading for slot in self._slots if slot.loading is not None}
        return held | loading | set(() if drained else self._staging)

    def _staged(self) -> Iterator[Outcome]:
        for staged in [one for one in self._staging if one.done()]:
            self._staging.remove(staged)
            result = staged.result()
            if isinstance(result, Outcome):
                yield result
            else:
                self._tasks.append(result)

    def _collected(self, slot: _Slot, drained: bool) -> Iterator[Outcome]:
        if (ready := slot.take_ready()) is not None:
            self._told(ready)
        if slot.has_died():
            wait(slot.held)  # all that it held is known to be lost, or was just answered
        lost = []
        for answer in [one for one in slot.held if one.done()]:
            task = slot.held.pop(answer)
            if isinstance(answer.exception(), WorkerDiedError):
                lost.append(task)
            else:
                yield answer.result()
        if lost:
            slot.clear()
        for task in lost:
            yield from self._do_again(task, drained)

    def _do_again(self, task: Task, drained: bool) -> Iterator[Outcome]:
        self._deaths[task.id] += 1
        if drained:
            yield Outcome(task.id, "stopped")
        elif self._deaths[task.id] < _DEATHS:
            self._suspects.append(task)
        else:
            yield failed(
                task,
                DeviceError(
                    f"{task.id}: its worker died {_DEATHS} times while it was spoken",
                    "memory may not suffice: see the system's log, shorten turns, or use --batch 1",
                ),
            )


class _Slot:
    """A place for one worker, and the tasks that are on it."""

    def __init__(self, start: Callable[[], WorkerHandle]) -> None:
        self._start = start
        self._worker: WorkerHandle | None = None
        self._rows = 0  # until the worker has its models
        self._early_deaths = 0
        self._alone = False
        self.loading: Future[Ready] | None = None
        self.held: dict[Future[Outcome], Task] = {}

    @property
    def is_empty(self) -> bool:
        return self._worker is None

    @property
    def is_idle(self) -> bool:
        return self._rows > 0 and not self.held

    @property
    def room(self) -> int:
        """Tasks it takes now; twice its rows are there at a time, so that no row waits."""
        return 0 if self._alone and self.held else 2 * self._rows - len(self.held)

    def hire(self) -> None:
        self._worker = self._start()
        self.loading = self._worker.ready()

    def give(self, task: Task, *, alone: bool = False) -> None:
        assert self._worker is not None
        self._alone = alone
        self.held[self._worker.speak(task)] = task

    def take_ready(self) -> Ready | None:
        """What the worker says when it has its models, once. Raises what keeps it from work."""
        if self.loading is None or not self.loading.done():
            return None
        loading = self.loading
        if isinstance(loading.exception(), WorkerDiedError):
            self.clear()
            self._early_deaths += 1
            if self._early_deaths == _DEATHS:
                raise DeviceError(
                    f"a worker died {_DEATHS} times while it loaded the model",
                    "memory may not suffice: see the system's log, or use fewer workers",
                )
            return None
        ready = loading.result()
        self.loading, self._rows, self._early_deaths = None, ready.rows, 0
        return ready

    def has_died(self) -> bool:
        """Whether a task it holds was lost."""
        ended = [answer for answer in self.held if answer.done()]
        return any(isinstance(answer.exception(), WorkerDiedError) for answer in ended)

    def drain(self) -> None:
        if self._worker is not None:
            self._worker.drain()

    def clear(self) -> None:
        """End the worker; another comes when there is work."""
        if self._worker is not None:
            self._worker.close()
        self._worker, self.loading, self._rows, self._alone = None, None, 0, False
