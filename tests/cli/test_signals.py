"""The first signal asks a batch to stop, the second one stops it; each handler is restored."""

import ctypes
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from importlib import import_module
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace

import pytest

from podtts.cli.signals import GracefulStop, Stopped, stop_on_signals
from podtts.device.cancellation import calling_if_cancelled, raise_if_cancelled, work_under

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The handlers of `main`; those of pytest are restored afterwards."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    stop_on_signals()
    yield
    signal.set_wakeup_fd(-1)
    work_under(None)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_with_its_exit_code(number: signal.Signals, code: int) -> None:
    with pytest.raises(Stopped, match=rf"stopped \({number.name}\)") as stopped:
        signal.raise_signal(number)
    assert stopped.value.exit_code == code


def test_the_first_signal_asks_and_the_second_stops(capsys: pytest.CaptureFixture[str]) -> None:
    with GracefulStop("finishing turns") as stop:
        assert not stop.requested()
        signal.raise_signal(signal.SIGTERM)
        assert stop.requested()
        assert stop.requested()
        assert stop.received == signal.SIGTERM
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)
    message = "SIGTERM: finishing turns; send it again to stop at once\n"
    assert capsys.readouterr().err == message  # once


def test_after_the_block_a_signal_stops_at_once() -> None:
    with GracefulStop("finishing turns"):
        pass
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_the_shell_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop_on_signals()
    with GracefulStop("finishing turns") as stop:
        signal.raise_signal(signal.SIGINT)
        assert not stop.requested()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_signal_brings_the_main_thread_back_from_compiled_code() -> None:
    reader, writer = os.pipe()
    compiled = ctypes.CDLL(None).read  # returns when the work is cancelled, and not before

    def signal_itself() -> None:  # the main thread's calls are not interrupted
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    def compute() -> None:
        threading.Thread(target=signal_itself).start()
        compiled(reader, ctypes.create_string_buffer(1), 1)
        raise AssertionError("the handler comes first")

    with calling_if_cancelled(lambda: os.close(writer)), pytest.raises(Stopped):
        compute()
    os.close(reader)


def test_what_unwinds_the_stack_is_not_cancelled() -> None:
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGTERM)
    raise_if_cancelled()


def test_the_first_signal_to_a_graceful_stop_cancels_nothing() -> None:
    cancelled = threading.Event()
    with calling_if_cancelled(cancelled.set), GracefulStop("finishing turns"):
        signal.raise_signal(signal.SIGTERM)
        raise_if_cancelled()
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)
        cancelled.wait()


def test_an_import_is_finished_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a library would take it for an import error, and the run would go on."""
    (tmp_path / "outer_module.py").write_text("import inner_module\nfinished = True\n")
    (tmp_path / "inner_module.py").write_text("import signal\nsignal.raise_signal(15)\n")
    monkeypatch.syspath_prepend(tmp_path)
    script = "import outer_module\ngone_on = True"
    with pytest.raises(Stopped):
        exec(compile(script, "script", "exec"), names := dict[str, object]())
    assert sys.modules["outer_module"].finished
    assert "gone_on" not in names


def test_a_second_signal_ends_an_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module_with_signals.py").write_text(
        "import signal\nsignal.raise_signal(15)\nsignal.raise_signal(15)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Stopped):
        import_module("module_with_signals")
    sys.settrace(None)
    assert "module_with_signals" not in sys.modules


def with_a_signal(acquire: Callable[[], object]) -> Callable[[], object]:
    """Take a lock and get a signal, without any of Python's instructions between."""
    steps = (acquire, partial(signal.raise_signal, signal.SIGTERM))
    return partial(deque[object](maxlen=0).extend, map(methodcaller("__call__"), steps))


def test_a_lock_is_given_back_first() -> None:
    """Else it stays locked, and another thread that needs it never ends."""
    lock, condition = threading.Lock(), threading.Condition()
    vars(condition)["_lock"] = SimpleNamespace(
        __enter__=with_a_signal(lock.acquire), __exit__=lock.__exit__
    )
    gone_on = False
    with pytest.raises(Stopped), condition:
        gone_on = True
    assert not gone_on
    assert not lock.locked()


@pytest.mark.parametrize("timeout", [None, 0])
def test_a_wait_that_begins_then_is_ended(timeout: float | None) -> None:
    future = Future[int]()
    condition = vars(future)["_condition"]
    vars(condition)["acquire"] = with_a_signal(condition.acquire)
    with pytest.raises(Stopped):
        wait([future], timeout)
    assert can_be_set_elsewhere(future)


def test_signals_at_any_time_leave_futures_unlocked() -> None:
    main = threading.get_ident()
    for _ in range(300):
        future = Future[int]()
        sender = threading.Thread(target=signal.pthread_kill, args=(main, signal.SIGTERM))
        with pytest.raises(Stopped):
            wait_with(sender, future)
        sys.settrace(None)
        sender.join()
        assert can_be_set_elsewhere(future)


def wait_with(other: threading.Thread, future: Future[int]) -> None:
    other.start()
    wait([future], 0)
    future.done()
    future.result()


def can_be_set_elsewhere(future: Future[int]) -> bool:
    """Whether another thread, which may wait for a lock, can give a future its result."""
    lock = vars(vars(future)["_condition"])["_lock"]
    found: list[bool] = []
    other = threading.Thread(target=lambda: found.append(lock.acquire(blocking=False)))
    other.start()
    other.join()
    return found == [True]
