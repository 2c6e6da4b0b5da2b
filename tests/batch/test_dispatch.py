"""Tasks to workers that die as told; the workers here speak nothing, all else is real."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from podtts.batch.dispatch import Dispatcher
from podtts.batch.request import Entry
from podtts.batch.task import Outcome, Ready, Task
from podtts.batch.worker_handle import WorkerDiedError, WorkerHandle
from podtts.errors import DeviceError, ModelError
from podtts.options import SynthesisOptions
from podtts.publish.publish_options import PublishOptions
from podtts.script.parse import parse_script

SCRIPT = parse_script("[A] Hello.")


def task(name: str) -> Task:
    return Task(name, SCRIPT, (), SynthesisOptions(), PublishOptions(), False, "")


def stage(entry: Entry) -> Task | Outcome:
    return task(entry.id)


class Office:
    """Hires workers, and knows what each was given."""

    def __init__(self, rows: int = 1, deadly: Callable[[str, int], bool] | None = None) -> None:
        self.rows = rows
        self.deadly = deadly or (lambda name, tries: False)
        self.tries: Counter[str] = Counter()
        self.hired: list[Scribe] = []
        self.told: list[Ready] = []

    def hire(self) -> WorkerHandle:
        self.hired.append(Scribe(self))
        return self.hired[-1]

    def run(
        self,
        names: Iterator[str],
        places: int = 1,
        stopped: Callable[[], bool] = lambda: False,
        stage: Callable[[Entry], Task | Outcome] = stage,
    ) -> Iterator[Outcome]:
        dispatcher = Dispatcher(stage, [self.hire] * places, stopped, self.told.append)
        return dispatcher.run(Entry(name, 0, 0) for name in names)


class Scribe:
    """A worker that answers a task once it has as many as it takes side by side, or all there are.

    It dies, with all it has, of a task that is deadly.
    """

    def __init__(self, office: Office) -> None:
        self.office = office
        self.held: dict[str, Future[Outcome]] = {}
        self.most = 0
        self.dead = self.drained = False
        self._one = threading.Lock()

    def ready(self) -> Future[Ready]:
        told: Future[Ready] = Future()
        told.set_result(Ready(self.office.rows, "here", 1))
        return told

    def speak(self, task: Task) -> Future[Outcome]:
        assert not self.dead
        told: Future[Outcome] = Future()
        with self._one:
            self.held[task.id] = told
        self.most = max(self.most, len(self.held))
        self.office.tries[task.id] += 1
        threading.Timer(0.002, self._answer, [task.id]).start()
        return told

    def drain(self) -> None:
        self.drained = True

    def close(self) -> None:
        self.dead = True

    def _answer(self, name: str) -> None:
        with self._one:
            if name not in self.held:
                return
            if self.office.deadly(name, self.office.tries[name]):
                lost, self.held = self.held, {}
                for told in lost.values():
                    told.set_exception(WorkerDiedError())
                return
            self.held.pop(name).set_result(Outcome(name, "stopped" if self.drained else "done"))


def numbered(count: int) -> Iterator[str]:
    return (f"e{number}" for number in range(count))


def test_every_id_has_one_outcome_whoever_dies() -> None:
    """Every seventh script kills its worker the first time it is tried."""
    office = Office(3, lambda name, tries: tries == 1 and int(name[1:]) % 7 == 0)
    outcomes = list(office.run(numbered(100), places=2))
    assert sorted(one.id for one in outcomes) == sorted(numbered(100))
    assert {one.state for one in outcomes} == {"done"}
    assert len(office.hired) > 2
    assert len(office.told) == len(office.hired)
    assert all(scribe.dead for scribe in office.hired)


def test_a_script_that_kills_every_worker_fails_alone() -> None:
    office = Office(4, lambda name, tries: name == "e5")
    outcomes = {one.id: one for one in office.run(numbered(40), places=2)}
    assert len(outcomes) == 40
    assert [name for name, one in outcomes.items() if one.state == "failed"] == ["e5"]
    assert "its worker died 3 times" in outcomes["e5"].error
    assert "--batch 1" in outcomes["e5"].hint
    assert max(office.tries.values()) == 3


def test_scripts_are_staged_a_little_ahead_and_no_further() -> None:
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
    assert max(scribe.most for scribe in office.hired) <= 4


def test_what_is_settled_when_it_is_staged_needs_no_worker() -> None:
    office = Office()
    outcomes = office.run(numbered(20), stage=lambda entry: Outcome(entry.id, "done", skipped=True))
    assert [one.id for one in outcomes] == list(numbered(20))
    assert office.hired == []


def test_a_signal_lets_workers_end_what_they_have() -> None:
    office = Office(rows=2)
    ended: list[Outcome] = []
    for outcome in office.run(numbered(1000), stopped=lambda: len(ended) >= 5):
        ended.append(outcome)
    assert 5 <= len(ended) < 100
    assert all(scribe.drained and scribe.dead for scribe in office.hired)
    assert {one.id for one in ended} == set(office.tries)


def test_a_worker_that_cannot_work_ends_the_batch() -> None:
    class Unfit(Scribe):
        def ready(self) -> Future[Ready]:
            told: Future[Ready] = Future()
            told.set_exception(ModelError("flow.pt is missing"))
            return told

    office = Office()
    dispatcher = Dispatcher(stage, [lambda: Unfit(office)], lambda: False, office.told.append)
    with pytest.raises(ModelError, match="is missing"):
        list(dispatcher.run([Entry("a", 0, 0)]))


def test_workers_that_die_while_loading_end_the_batch() -> None:
    hired = []

    class Stillborn(Scribe):
        def ready(self) -> Future[Ready]:
            hired.append(self)
            told: Future[Ready] = Future()
            told.set_exception(WorkerDiedError())
            return told

    office = Office()
    dispatcher = Dispatcher(stage, [lambda: Stillborn(office)], lambda: False, office.told.append)
    with pytest.raises(DeviceError, match="a worker died 3 times while it loaded the model"):
        list(dispatcher.run([Entry("a", 0, 0)]))
    assert len(hired) == 3
