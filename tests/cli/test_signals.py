"""The first signal asks a batch to stop, the second one stops it; each handler is restored."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

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
