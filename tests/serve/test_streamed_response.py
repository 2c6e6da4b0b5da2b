"""How a response begins and ends: its status, its end, and what becomes of a client that leaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.types import Message

from podtts.serve.api_error import ApiError
from podtts.serve.guards import Guard
from podtts.serve.limits import Limits
from podtts.serve.streamed_response import StreamedResponse, sse

LATE = ApiError(504, "late", code="deadline_exceeded")


class Client:
    """What a response sends; the client leaves when `gone` is set, and takes nothing if stalled."""

    def __init__(self, stalled: bool = False) -> None:
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self._stalled = stalled

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._stalled and self.sent:
            await asyncio.Event().wait()
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def has_end(self) -> bool:
        return not self.sent[-1].get("more_body", False)


async def parts(*values: bytes | ApiError) -> AsyncIterator[bytes]:
    for value in values:
        if isinstance(value, ApiError):
            raise value
        yield value


def respond(client: Client, source: AsyncIterator[bytes], **options: Any) -> list[str]:
    """Send a response to a client; return the outcomes that were told, which should be one."""
    outcomes = []

    async def close(outcome: str) -> None:
        outcomes.append(outcome)

    async def run() -> None:
        response = StreamedResponse(source, "audio/wav", close, 0.1, **options)
        await response({"type": "http"}, client.receive, client.send)

    asyncio.run(run())
    return outcomes


def test_parts_are_sent_as_they_are() -> None:
    client = Client()
    assert respond(client, parts(b"one", b"two")) == ["done"]
    assert (client.status, client.body, client.has_end) == (200, b"onetwo", True)


def test_an_error_before_the_first_part_has_its_status() -> None:
    client = Client()
    assert respond(client, parts(LATE)) == ["late"]
    assert (client.status, client.has_end) == (504, True)
    assert json.loads(client.body)["error"]["code"] == "deadline_exceeded"


def test_an_error_in_the_middle_leaves_the_body_without_an_end() -> None:
    client = Client()
    assert respond(client, parts(b"one", ApiError(500, "bug"))) == ["failed"]
    assert (client.status, client.body, client.has_end) == (200, b"one", False)


def test_events_end_with_the_error() -> None:
    client = Client()
    words = sse({"type": "speech.audio.error"})
    assert respond(client, parts(b"one", LATE), last_words=lambda _: words) == ["late"]
    assert (client.body, client.has_end) == (b"one" + words, True)


def test_a_client_that_leaves_while_nothing_is_there_is_noticed() -> None:
    client = Client()

    async def never() -> AsyncIterator[bytes]:
        client.gone.set()
        await asyncio.Event().wait()
        yield b""

    assert respond(client, never()) == ["gone"]
    assert client.sent == []


def test_a_client_that_takes_nothing_is_left() -> None:
    client = Client(stalled=True)
    assert respond(client, parts(b"one", b"two")) == ["gone"]
    assert client.body == b""


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def run() -> None:
        guard = Guard(application, (), (), Limits(body_seconds=0.05), loopback=True)
        headers = [(b"host", b"127.0.0.1:8000")]
        scope = {"type": "http", "method": "POST", "path": "/v1/jobs", "headers": headers}
        await guard(scope, never, never)  # type: ignore[arg-type]

    with pytest.raises(ApiError, match=r"within 0\.05 s") as late:
        asyncio.run(run())
    assert late.value.status == 408
