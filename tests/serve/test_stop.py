"""SIGTERM and SIGINT: what runs ends, nobody is let in, and the exit code says why."""

import signal
import threading
from pathlib import Path

import httpx
import pytest
from serve.conftest import SHORT
from serve.test_queue import LONG, TALK, UNLIMITED
from serve.test_speech import refusal
from support.http_server import Server, running_server, until

ENDLESS = LONG | {"input": TALK * 100}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once(
    prepared: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with running_server(tmp_path / "log", *SHORT, "--cache-dir", prepared) as server:
        assert server.stop(number) == 128 + number
        assert f"{number.name}: running requests have 30 s to end" in server.log.read_text()
        assert "Traceback" not in server.log.read_text()


def test_what_runs_ends_and_nobody_is_let_in(prepared: Path, tmp_path: Path) -> None:
    with running_server(tmp_path / "log", *SHORT, "--cache-dir", prepared) as server:
        expected = server.post("/v1/audio/speech", json=LONG).content
        received = bytearray()
        body = LONG
        with httpx.stream(
            "POST", f"{server.url}/v1/audio/speech", json=body, timeout=240
        ) as response:
            parts = response.iter_raw()
            received += next(parts)
            server.process.send_signal(signal.SIGTERM)
            until(lambda: "SIGTERM" in server.log.read_text())
            answer = _answer(server)
            for part in parts:
                received += part
        assert bytes(received) == expected
        if answer is not None:  # the running request may have ended before
            assert refusal(answer, 503)["code"] == "stopping"
            assert answer.headers["retry-after"] == "30"
        assert server.process.wait(240) == 128 + signal.SIGTERM


def _answer(server: Server) -> httpx.Response | None:
    try:
        return server.speak()
    except httpx.TransportError:
        return None


def test_what_runs_too_long_is_ended_without_an_end(prepared: Path, tmp_path: Path) -> None:
    flags = (*SHORT, "--cache-dir", prepared, *UNLIMITED, "--stop-seconds", "0.5")
    with running_server(tmp_path / "log", *flags) as server:
        ends = _stream_until(server, lambda: server.process.send_signal(signal.SIGTERM))
        assert ends == "unclean"
        assert server.process.wait(240) == 128 + signal.SIGTERM


def test_the_second_signal_waits_for_nobody(prepared: Path, tmp_path: Path) -> None:
    flags = (*SHORT, "--cache-dir", prepared, *UNLIMITED, "--stop-seconds", "600")

    def signal_twice() -> None:
        server.process.send_signal(signal.SIGTERM)
        until(lambda: "SIGTERM" in server.log.read_text())
        server.process.send_signal(signal.SIGTERM)

    with running_server(tmp_path / "log", *flags) as server:
        assert _stream_until(server, signal_twice) == "unclean"
        assert server.process.wait(240) == 128 + signal.SIGTERM
        assert "Traceback" not in server.log.read_text()


def _stream_until(server: Server, then: object) -> str:
    """Read an endless stream; do something after its first part. How does it end?"""
    assert callable(then)
    try:
        with httpx.stream(
            "POST", f"{server.url}/v1/audio/speech", json=ENDLESS, timeout=240
        ) as response:
            assert response.status_code == 200
            parts = response.iter_raw()
            next(parts)
            thread = threading.Thread(target=then)
            thread.start()
            for _ in parts:
                pass
            thread.join()
    except httpx.RemoteProtocolError:
        thread.join()
        return "unclean"
    return "clean"


HANGING = """
from podtts.serve import lifetime
from podtts.serve.job_runner import JobRunner

async def hang(self, seconds):
    import time
    time.sleep(600)

lifetime.LAST_SECONDS = 0.5
JobRunner.stop = hang
from podtts.cli.app import main
main()
"""


def test_what_hangs_does_not_hold_up_the_end(prepared: Path, tmp_path: Path) -> None:
    """As a disk does that does not answer; even the event loop stands still."""
    flags = (*SHORT, "--cache-dir", prepared, "--stop-seconds", "0.5")
    with running_server(tmp_path / "log", *flags, script=HANGING) as server:
        assert server.stop() == 128 + signal.SIGTERM
