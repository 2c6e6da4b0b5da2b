"""`podtts serve` with the bundled model under load, in figures: `make load`, on an idle machine.

Without --load every test runs in a small form to show that it works, and its figures mean nothing.
"""

import asyncio
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from serve.test_jobs import events_of, files_of, finished
from serve.test_queue import is_idle
from support.commands import run
from support.http_server import Server, running_server, until
from support.speech_load import (
    TEXTS,
    Process,
    listen,
    listen_together,
    process_state,
    summary,
)

pytest.importorskip("fastapi")
pytestmark = pytest.mark.timeout(3 * 3600)  # half an hour of soak, on a machine that may be slow
FLAGS = ("--preset", "fast", "--rows", "8", "--queue", "200")


@pytest.fixture(scope="module")
def is_long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("load"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("load")
    with running_server(folder / "log", *FLAGS, "--cache-dir", folder / "cache") as server:
        yield server


def report(line: str) -> None:
    print(f"\n{line}")  # noqa: T201 (the figures are the result)


@pytest.mark.parametrize("clients", [1, 8])
def test_first_sound(server: Server, is_long: bool, clients: int) -> None:
    rounds = 20 if is_long else 1
    heard = [
        each for turn in range(rounds) for each in listen_together(server.url, texts(clients, turn))
    ]
    assert {each.status for each in heard} == {200}
    report(f"first sound, {clients} at once, n={len(heard)}: {summary([e.first for e in heard])} s")


def texts(count: int, offset: int = 0) -> list[str]:
    return [TEXTS[(offset + number) % len(TEXTS)] for number in range(count)]


def test_a_hundred_requests_at_once(server: Server, is_long: bool, tmp_path: Path) -> None:
    asked = texts(100 if is_long else 4)
    started = time.perf_counter()
    heard = listen_together(server.url, asked)
    wall = time.perf_counter() - started
    assert {each.status for each in heard} == {200}
    sound = sum(each.audio_seconds for each in heard)
    report(f"{len(asked)} at once: first sound {summary([each.first for each in heard])} s")
    report(f"{len(asked)} at once: total {summary([each.total for each in heard])} s")
    report(f"{len(asked)} at once: {sound:.1f} s of sound in {wall:.1f} s, RTF {wall / sound:.2f}")
    manifest = tmp_path / "all.jsonl"
    lines = (
        f'{{"id": "e{number}", "turns": [["anna", "{text}"]], "seed": {number}}}\n'
        for number, text in enumerate(asked)
    )
    manifest.write_text("".join(lines))
    cache = server.log.with_name("cache")
    started = time.perf_counter()
    flags = ("--preset", "fast", "--batch", "8", "--cache-dir", cache)
    for mode in ("streaming", "full"):
        run("batch", manifest, "-o", tmp_path / mode, *flags, "--flow-mode", mode).done()
        wall, started = time.perf_counter() - started, time.perf_counter()
        report(f"podtts batch of the same texts, {mode}, with start: {wall:.1f} s")


def test_live_players(server: Server, is_long: bool) -> None:
    text = " ".join(TEXTS)
    for players in range(1, 9 if is_long else 2):
        heard = listen_together(server.url, [text] * players)
        waits = [each.prebuffer for each in heard]
        report(f"{players} players: must wait {summary(waits)} s after their first sound")


def test_clients_that_leave(server: Server, is_long: bool) -> None:
    clients, draws = 200 if is_long else 8, random.Random(1)
    listen_together(server.url, texts(8))
    before = process_state(server.process.pid)

    async def leave(client: httpx.AsyncClient, seed: int) -> None:
        try:
            async with asyncio.timeout(draws.uniform(0.05, 4)):
                await listen(client, TEXTS[seed % len(TEXTS)], seed)
        except TimeoutError:
            pass

    async def leave_all() -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=1800) as client:
            for start in range(0, clients, 8):
                await asyncio.gather(*(leave(client, start + number) for number in range(8)))

    asyncio.run(leave_all())
    until(lambda: is_idle(server))
    listen_together(server.url, texts(8))
    after = process_state(server.process.pid)
    report(f"{clients} clients left: {before} before, {after} after")
    assert after.threads <= before.threads + 8  # of pools that grow up to a bound
    assert after.descriptors <= before.descriptors + 8
    assert after.resident_mb < before.resident_mb + 100


def test_slow_readers(server: Server, is_long: bool) -> None:
    """They hold no row: others are answered while all of them have taken nothing yet."""
    readers = 16 if is_long else 2

    async def one(client: httpx.AsyncClient, go_on: asyncio.Event) -> int:
        body = {"model": "mini", "input": TEXTS[0], "voice": "anna", "response_format": "wav"}
        async with client.stream("POST", "/v1/audio/speech", json=body) as response:
            await go_on.wait()
            return len(await response.aread())

    async def all_of_them() -> tuple[list[int], float]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=server.url, timeout=1800, limits=limits) as client:
            go_on = asyncio.Event()
            slow = [asyncio.create_task(one(client, go_on)) for _ in range(readers)]
            heard = await listen(client, TEXTS[1], 1)
            go_on.set()
            return await asyncio.gather(*slow), heard.total

    sizes, total = asyncio.run(all_of_them())
    assert len(set(sizes)) == 1
    report(f"beside {readers} clients that read nothing, another had all after {total:.2f} s")


def test_kills_with_jobs_in_flight(is_long: bool, tmp_path: Path) -> None:
    kills, turns, draws = 50 if is_long else 2, 8 if is_long else 3, random.Random(2)
    flags = (*FLAGS, "--max-jobs", "1000", "--cache-dir", tmp_path / "cache")
    script = "\n".join(
        f"[{'anna' if number % 2 else 'ben'}] {TEXTS[number]}" for number in range(turns)
    )
    body = {"script": script, "options": {"seed": 7}}
    log = tmp_path / "server" / "log"
    with running_server(tmp_path / "undisturbed" / "log", *flags) as server:
        expected = files_of(
            server, finished(server, server.post("/v1/jobs", json=body).json()["id"])
        )
    for _ in range(kills):
        with running_server(log, *flags) as server:
            for _ in range(2):
                assert server.post("/v1/jobs", json=body).status_code == 202
            time.sleep(draws.uniform(0, turns / 2))
            server.process.send_signal(signal.SIGKILL)
    with running_server(log, *flags) as server:
        every = [job["id"] for job in server.get("/v1/jobs?limit=1000").json()["data"]]
        assert len(every) == 2 * kills
        for job in every:
            assert files_of(server, finished(server, job)) == expected
            types = [event["type"] for _, event in events_of(server, job)]
            assert types == ["job.queued", *["job.turn"] * turns, "job.done"]
    report(f"{kills} kills, {len(every)} jobs: all ended once, in the same bytes")


def test_soak(server: Server, request: pytest.FixtureRequest, is_long: bool) -> None:
    """A steady rate for a while: memory is where it was after the first tenth."""
    minutes = request.config.getoption("soak_minutes") if is_long else 0.1
    ends = time.monotonic() + 60 * float(minutes)
    states: list[Process] = []
    started = time.monotonic()
    while time.monotonic() < ends:
        listen_together(server.url, texts(2, len(states)))
        states.append(process_state(server.process.pid))
    tenth = states[len(states) // 10]
    spent = time.monotonic() - started
    report(
        f"soak of {spent:.0f} s, {2 * len(states)} requests: {tenth} then, {states[-1]} at the end"
    )
    assert states[-1].resident_mb < tenth.resident_mb + 100
    assert states[-1].descriptors <= tenth.descriptors + 8
