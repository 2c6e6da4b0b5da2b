"""One engine for everybody: rows, the queue, deadlines, and clients that go away."""

import asyncio
import random
from pathlib import Path
from typing import Any

import httpx
import pytest
from serve.conftest import SHORT
from serve.test_speech import refusal
from support.http_server import Server, running_server, until

TALK = "[S1] Hello there.\n[S2] Hi. How are you?\n" * 4
LONG: dict[str, Any] = {
    "model": "model",
    "input": TALK,
    "voices": {"S1": "anna", "S2": "ben"},
    "response_format": "pcm",
}
UNLIMITED = ("--max-seconds", "99999", "--max-turns", "9999", "--max-characters", "999999")
NONE_LEFT = {
    "podtts_rows_in_use": 0,
    "podtts_queue_depth": 0,
    "podtts_open_responses": 0,
    "podtts_kept_sound_bytes": 0,
}


def is_idle(server: Server) -> bool:
    return all(server.figure(name) == value for name, value in NONE_LEFT.items())


def outcomes(server: Server, outcome: str) -> float:
    return server.figure(
        f'podtts_requests_total{{endpoint="/v1/audio/speech",outcome="{outcome}"}}'
    )


async def ask(client: httpx.AsyncClient, seed: int) -> httpx.Response:
    return await client.post("/v1/audio/speech", json=LONG | {"seed": seed})


def ask_together(server: Server, count: int) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=server.url, timeout=240) as client:
            return await asyncio.gather(*(ask(client, seed) for seed in range(count)))

    return asyncio.run(run())


def test_twelve_at_once_are_answered_or_told_to_come_back(server: Server) -> None:
    """Two rows and a queue of four: six are let in."""
    busy = outcomes(server, "busy")
    responses = ask_together(server, 12)
    done = [response for response in responses if response.status_code == 200]
    told = [response for response in responses if response.status_code == 429]
    assert len(done) + len(told) == 12
    assert len(done) >= 6
    for response in told:
        assert refusal(response, 429)["type"] == "rate_limit_error"
        assert int(response.headers["retry-after"]) >= 1
    assert outcomes(server, "busy") - busy == len(told)
    until(lambda: is_idle(server))


def test_side_by_side_each_sounds_as_by_itself(server: Server) -> None:
    together = [response.content for response in ask_together(server, 4)]
    alone = [
        server.post("/v1/audio/speech", json=LONG | {"seed": seed}).content for seed in range(4)
    ]
    assert together == alone
    assert len(set(alone)) == 4


def test_clients_that_go_leave_nothing_and_harm_nobody(server: Server) -> None:
    """Twenty clients close their connection at some moment, beside one that stays."""
    draws = random.Random(0)
    expected = server.post("/v1/audio/speech", json=LONG).content
    gone = outcomes(server, "gone") + outcomes(server, "done") + outcomes(server, "busy")

    async def leave(client: httpx.AsyncClient, parts: int) -> None:
        async with client.stream("POST", "/v1/audio/speech", json=LONG | {"seed": 1}) as response:
            async for _ in response.aiter_raw():
                parts -= 1
                if parts <= 0:
                    return

    async def go_at_once(client: httpx.AsyncClient) -> None:
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/v1/audio/speech", json=LONG, timeout=httpx.Timeout(60, read=0.01))

    async def run() -> bytes:
        async with httpx.AsyncClient(base_url=server.url, timeout=240) as client:
            stays = asyncio.create_task(client.post("/v1/audio/speech", json=LONG))
            for _ in range(10):
                await go_at_once(client)
                await leave(client, draws.randint(1, 3))
            return (await stays).content

    assert asyncio.run(run()) == expected
    until(lambda: is_idle(server))
    now = outcomes(server, "gone") + outcomes(server, "done") + outcomes(server, "busy")
    assert now - gone == 21
    assert server.post("/v1/audio/speech", json=LONG).content == expected


def test_a_deadline_ends_a_request(prepared: Path, tmp_path: Path) -> None:
    """In the middle without an end; before its first sound with a status."""
    flags = (*SHORT, "--cache-dir", prepared, "--rows", "1", "--deadline", "1")
    with running_server(tmp_path / "log", *flags, *UNLIMITED) as server:
        endless = LONG | {"input": TALK * 50}
        with pytest.raises(httpx.RemoteProtocolError):
            server.post("/v1/audio/speech", json=endless)
        with_events = server.post("/v1/audio/speech", json=endless | {"stream_format": "sse"})
        assert '"code": "deadline_exceeded"' in with_events.text.rsplit("\n\n", 2)[1]
        waiting = [answer for answer in statuses(server, endless, 8) if answer is not None]
        assert waiting
        for answer in waiting:
            assert refusal(answer, 504)["code"] == "deadline_exceeded"
        assert outcomes(server, "late") == 10
        until(lambda: is_idle(server))
        assert "Traceback" not in server.log.read_text()


def statuses(server: Server, body: dict[str, Any], count: int) -> list[httpx.Response | None]:
    """The answers to requests for one row at the same moment; None for one without an end."""

    async def one(client: httpx.AsyncClient) -> httpx.Response | None:
        try:
            return await client.post("/v1/audio/speech", json=body)
        except httpx.RemoteProtocolError:
            return None

    async def run() -> list[httpx.Response | None]:
        async with httpx.AsyncClient(base_url=server.url, timeout=240) as client:
            return await asyncio.gather(*(one(client) for _ in range(count)))

    return asyncio.run(run())


def test_a_sound_that_is_longer_than_a_request_may_be_is_ended(
    prepared: Path, tmp_path: Path
) -> None:
    """Its text promised less: the turns of this model end where chance wants it."""
    flags = (*SHORT, "--cache-dir", prepared, "--rows", "1", "--max-seconds", "2")
    with running_server(tmp_path / "log", *flags) as server:
        short = "[S1] Hi.\n[S2] Hi.\n" * 4
        with pytest.raises(httpx.RemoteProtocolError):
            server.post("/v1/audio/speech", json=LONG | {"input": short})
        refused = server.post("/v1/audio/speech", json=LONG | {"input": TALK * 3})
        assert "2 s a request" in refusal(refused)["message"]
        until(lambda: is_idle(server))
