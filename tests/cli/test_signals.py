"""The first signal asks a batch to stop, the second one stops it; each handler is restored."""

import signal
from collections.abc import Iterator

import pytest

from podtts.cli.signals import GracefulStop, Stopped, stop_on_signals

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The handlers of `main`; those of pytest are restored afterwards."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    stop_on_signals()
    yield
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
