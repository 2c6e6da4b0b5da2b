"""The engine's thread: who is answered when memory is short, a request is bad, or a bug ends it."""

import threading
from collections import Counter
from typing import Any, cast

import pytest

from podtts.engine.engine import Engine
from podtts.engine.request import (
    Event,
    Request,
    RequestFailed,
    RequestFinished,
    TokensDecoded,
)
from podtts.errors import InputError, OutOfMemoryError
from podtts.script.model import Script
from podtts.serve.engine_thread import EngineThread
from podtts.values import Turn

SCRIPT = Script("s", ("S1",), (Turn(0, "Hi."),))


class FakeEngine:
    """Finishes the requests of its rows in their fourth step; `faults` are raised by steps."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.queue: list[Request] = []
        self.begun: Counter[Request] = Counter()
        self.faults: list[BaseException] = []
        self.sizes: list[int] = []
        self.may_step = threading.Semaphore(0)

    @property
    def is_idle(self) -> bool:
        return not self.queue

    def add(self, request: Request) -> None:
        if request.id == "bad":
            raise InputError("bad", "worse")
        self.queue.append(request)

    def cancel(self, request: Request) -> None:
        self.queue = [each for each in self.queue if each is not request]

    def resize(self, rows: int) -> None:
        self.sizes.append(rows)
        self.rows = rows
        self.queue.clear()
        self.begun.clear()

    def close(self) -> None:
        self.queue.clear()

    def step(self) -> list[Event]:
        self.may_step.acquire()
        if self.faults:
            raise self.faults.pop(0)
        events: list[Event] = []
        for request in self.queue[: self.rows]:
            self.begun[request] += 1
            if self.begun[request] == 4:
                self.queue.remove(request)
                events.append(RequestFinished(request))
            else:
                events.append(TokensDecoded(request, 0, 0, 0, (1,)))
        return events


class Desk:
    """A thread with a fake engine, and what it delivers."""

    def __init__(self, rows: int) -> None:
        self.engine, self.death = FakeEngine(rows), threading.Event()
        self.delivered: dict[str, list[Event]] = {}
        self.more = threading.Condition()
        self.thread = EngineThread(cast(Engine, self.engine), self.death.set)

    def add(self, name: str) -> Request:
        request = Request(name, SCRIPT, ())
        self.delivered[name] = []

        def deliver(event: Event) -> None:
            with self.more:
                self.delivered[name].append(event)
                self.more.notify_all()

        self.thread.add(request, deliver)
        return request

    def wait_for(self, name: str, kind: type[Any]) -> Any:
        with self.more:
            assert self.more.wait_for(
                lambda: any(isinstance(event, kind) for event in self.delivered[name]), 60
            ), self.delivered
        return self.delivered[name][-1]

    def steps(self, count: int) -> None:
        self.engine.may_step.release(count)


@pytest.fixture
def desk() -> Desk:
    return Desk(rows=2)


def test_requests_are_answered_side_by_side(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        desk.add(name)
    desk.steps(20)
    for name in ("a", "b", "c"):
        desk.wait_for(name, RequestFinished)
    assert desk.thread.rows == 2
    desk.thread.close()
    assert not desk.death.is_set()


def test_a_bad_request_fails_alone(desk: Desk) -> None:
    desk.add("bad")
    desk.add("good")
    assert desk.wait_for("bad", RequestFailed).error.problem == "bad"
    desk.steps(9)
    desk.wait_for("good", RequestFinished)
    desk.thread.close()


def test_a_cancelled_request_is_not_heard_of_again(desk: Desk) -> None:
    gone, stays = desk.add("gone"), desk.add("stays")
    desk.steps(2)  # the first may see one of them alone
    desk.wait_for("stays", TokensDecoded)
    desk.thread.cancel(gone)
    desk.steps(9)
    desk.wait_for("stays", RequestFinished)
    desk.thread.cancel(stays)  # it has ended
    assert not any(isinstance(event, RequestFinished) for event in desk.delivered["gone"])
    desk.thread.close()


def test_when_memory_is_short_what_was_not_heard_begins_again_with_half_the_rows(
    desk: Desk,
) -> None:
    for name in ("heard", "also heard", "waiting"):
        desk.add(name)
    desk.steps(2)
    desk.wait_for("also heard", TokensDecoded)
    desk.engine.faults.append(OutOfMemoryError("short"))
    desk.steps(12)
    for name in ("heard", "also heard"):
        assert isinstance(desk.wait_for(name, RequestFailed).error, OutOfMemoryError)
    desk.wait_for("waiting", RequestFinished)
    desk.add("later")
    desk.steps(9)
    desk.wait_for("later", RequestFinished)
    assert desk.engine.sizes == [1, 2]  # all rows are back when there was nothing to do
    desk.thread.close()


def test_a_request_that_is_too_large_for_the_only_row_fails() -> None:
    desk = Desk(rows=1)
    desk.engine.faults.append(OutOfMemoryError("short"))
    desk.add("large")
    desk.add("small")
    desk.steps(12)
    assert isinstance(desk.wait_for("large", RequestFailed).error, OutOfMemoryError)
    desk.wait_for("small", RequestFinished)
    desk.thread.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_is_told(desk: Desk) -> None:
    desk.engine.faults.append(ZeroDivisionError("a bug"))
    desk.add("a")
    desk.steps(1)
    assert desk.death.wait(60)
    desk.thread.close()
    assert not desk.thread.is_alive
