"""Tasks for workers that die when a test says so; these synthesize nothing, all else is real."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from podtts.batch.dispatch import Dispatcher
from podtts.batch.request import Entry
from podtts.batch.task import Outcome, Ready, Task
from podtts.batch.worker_handle import WorkerDiedError, WorkerHandle
from podtts.device.cancellation import calling_if_cancelled, raise_if_cancelled
from podtts.errors import DeviceError, ModelError
from podtts.options import SynthesisOptions
from podtts.publish.publish_options import PublishOptions
from podtts.script.parse import parse_script

SCRIPT = parse_script("[A] Hello.")


def task(name: str) -> Task:
    return Task(name, SCRIPT, (), SynthesisOptions(), PublishOptions(), False, "")


def build(entry: Entry) -> Task | Outcome:
    return task(entry.id)


class Office:
    """Starts workers, and knows the tasks of each."""

    def __init__(self, rows: int = 1, deadly: Callable[[str, int], bool] | None = None) -> None:
        self.rows = rows
        self.deadly = deadly or (lambda name, tries: False)
        self.tries: Counter[str] = Counter()
        self.workers: list[FakeWorker] = []
        self.ready: list[Ready] = []

    def start(self) -> WorkerHandle:
        self.workers.append(FakeWorker(self))
        return self.workers[-1]

    def run(
        self,
        names: Iterator[str],
        slots: int = 1,
        stopped: Callable[[], bool] = lambda: False,
        build: Callable[[Entry], Task | Outcome] = build,
    ) -> Iterator[Outcome]:
        dispatcher = Dispatcher(build, [self.start] * slots, stopped, self.ready.append)
        return dispatcher.run(Entry(name, 0, 0) for name in names)


class FakeWorker:
    """A worker that answers a task once it has as many as it takes side by side, or all there are.

    It dies, with all it has, of a task that is deadly.
    """

    def __init__(self, office: Office) -> None:
        self.office = office
        self.held: dict[str, Future[Outcome]] = {}
        self.most = 0
        self.dead = self.drained = False
        self._lock = threading.Lock()

    def ready(self) -> Future[Ready]:
        answer: Future[Ready] = Future()
        answer.set_result(Ready(self.office.rows, "here", 1))
        return answer

    def submit(self, task: Task) -> Future[Outcome]:
        assert not self.dead
        answer: Future[Outcome] = Future()
        with self._lock:
            self.held[task.id] = answer
        self.most = max(self.most, len(self.held))
        self.office.tries[task.id] += 1
        threading.Timer(0.002, self._answer, [task.id]).start()
        return answer

    def drain(self) -> None:
        self.drained = True

    def close(self) -> None:
        self.dead = True

    def _answer(self, name: str) -> None:
        with self._lock:
            if name not in self.held:
                return
            if self.office.deadly(name, self.office.tries[name]):
                lost, self.held = self.held, {}
                for answer in lost.values():
                    answer.set_exception(WorkerDiedError())
                return
            self.held.pop(name).set_result(Outcome(name, "stopped" if self.drained else "done"))


def numbered(count: int) -> Iterator[str]:
    return (f"e{number}" for number in range(count))


def test_every_id_has_one_outcome_whoever_dies() -> None:
    """Every seventh script kills its worker the first time it is tried."""
    office = Office(3, lambda name, tries: tries == 1 and int(name[1:]) % 7 == 0)
    outcomes = list(office.run(numbered(100), slots=2))
    assert sorted(outcome.id for outcome in outcomes) == sorted(numbered(100))
    assert {outcome.state for outcome in outcomes} == {"done"}
    assert len(office.workers) > 2
    assert len(office.ready) == len(office.workers)
    assert all(worker.dead for worker in office.workers)


def test_a_script_that_kills_every_worker_fails_alone() -> None:
    office = Office(4, lambda name, tries: name == "e5")
    outcomes = {outcome.id: outcome for outcome in office.run(numbered(40), slots=2)}
    assert len(outcomes) == 40
    assert [name for name, outcome in outcomes.items() if outcome.state == "failed"] == ["e5"]
    assert "its worker died 3 times" in outcomes["e5"].error
    assert "--batch 1" in outcomes["e5"].hint
    assert max(office.tries.values()) == 3


def test_tasks_are_built_a_little_ahead_and_no_further() -> None:
    """A hundred thousand would not all be in memory."""
    office = Office(rows=2)
    taken = 0

    def counted() -> Iterator[str]:
        nonlocal taken
        for name in numbered(300):
            taken += 1
            yield name

    ahead = 0
    for finished, _ in enumerate(office.run(counted()), 1):
        ahead = max(ahead, taken - finished)
    assert taken == 300
    assert ahead <= 12
    assert max(worker.most for worker in office.workers) <= 4


def test_an_outcome_that_is_known_needs_no_worker() -> None:
    office = Office()
    outcomes = office.run(numbered(20), build=lambda entry: Outcome(entry.id, "done", skipped=True))
    assert [outcome.id for outcome in outcomes] == list(numbered(20))
    assert office.workers == []


def test_a_signal_lets_workers_finish_their_tasks() -> None:
    office = Office(rows=2)
    ended: list[Outcome] = []
    for outcome in office.run(numbered(1000), stopped=lambda: len(ended) >= 5):
        ended.append(outcome)
    assert 5 <= len(ended) < 100
    assert all(worker.drained and worker.dead for worker in office.workers)
    assert {outcome.id for outcome in ended} == set(office.tries)


def test_a_worker_that_cannot_work_ends_the_batch() -> None:
    class Unusable(FakeWorker):
        def ready(self) -> Future[Ready]:
            answer: Future[Ready] = Future()
            answer.set_exception(ModelError("flow.pt is missing"))
            return answer

    office = Office()
    dispatcher = Dispatcher(build, [lambda: Unusable(office)], lambda: False, office.ready.append)
    with pytest.raises(ModelError, match="is missing"):
        list(dispatcher.run([Entry("a", 0, 0)]))


def test_workers_that_die_while_loading_end_the_batch() -> None:
    hired = []

    class Stillborn(FakeWorker):
        def ready(self) -> Future[Ready]:
            hired.append(self)
            answer: Future[Ready] = Future()
            answer.set_exception(WorkerDiedError())
            return answer

    office = Office()
    dispatcher = Dispatcher(build, [lambda: Stillborn(office)], lambda: False, office.ready.append)
    with pytest.raises(DeviceError, match="a worker died 3 times while it loaded the model"):
        list(dispatcher.run([Entry("a", 0, 0)]))
    assert len(hired) == 3


def test_what_is_being_built_ends_with_the_run() -> None:
    begun, ended = threading.Event(), threading.Event()

    def build_until_cancelled(entry: Entry) -> Task | Outcome:
        with calling_if_cancelled(ended.set):
            begun.set()
            ended.wait()
        raise_if_cancelled()
        return task(entry.id)

    outcomes = Office().run(numbered(5), stopped=begun.is_set, build=build_until_cancelled)
    assert list(outcomes) == []
    assert ended.is_set()
