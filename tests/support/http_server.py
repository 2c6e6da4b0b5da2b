"""Starts `podtts serve` on a free port of this machine, and talks to it."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from support import warm_start
from support.commands import Process, environment, in_fork

_PORT = re.compile(r"listening on (http://\S+)")
_PATIENCE_SECONDS = 240  # of a very busy machine; who waits longer waits for ever


class Server:
    """A running server. log: the file that its messages go to."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process, self.log = process, log
        self.url = ""

    def wait_until_ready(self) -> None:
        match = until(lambda: _PORT.search(self._running_log()))
        self.url = match[1]
        until(lambda: self.get("/ready").status_code == 200)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=_PATIENCE_SECONDS, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", timeout=_PATIENCE_SECONDS, **options)

    def speak(self, text: str = "Good evening.", **fields: Any) -> httpx.Response:
        """Ask for speech of anna as 16-bit samples, unless the fields say otherwise."""
        body = {"model": "model", "input": text, "voice": "anna", "response_format": "pcm"}
        return self.post("/v1/audio/speech", json=body | fields)

    def figure(self, name: str) -> float:
        """A figure of /metrics; 0 for a counter that nothing has counted yet."""
        text = self.get("/metrics").text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE_SECONDS)

    def _running_log(self) -> str:
        text = self.log.read_text()
        assert self.process.poll() is None, text
        return text


@contextmanager
def running_server(
    log: Path, *flags: str | Path, script: str = "", env: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a server with these flags; it is killed at the end of the block if it still runs.

    script: a Python program that ends with the command line's main(); empty: podtts itself.
    env: in addition to the environment of the test.
    """
    log.parent.mkdir(exist_ok=True)
    jobs = () if "--jobs" in flags else ("--jobs", log.with_name("jobs"))
    arguments = ("serve", "--port", "0", *jobs, *flags)
    process: Process
    with log.open("wb") as file:
        if not script and warm_start.is_possible(env or {}):
            process = in_fork(*arguments, stdout=file.fileno(), stderr=file.fileno(), env=env)
        else:
            program = ("-c", script) if script else ("-m", "podtts")
            words = [sys.executable, *program, *map(str, arguments)]
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment(env)
            )
    server = Server(process, log)
    try:
        server.wait_until_ready()
        yield server
    finally:
        process.kill()
        process.wait()


def until(condition: Any) -> Any:
    """Wait until a condition holds, and return what it says. It is asked again and again."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)
    return value
