"""A response whose status is decided by its first bytes, and that ends when its client goes."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from podtts.serve.api_error import ApiError

EVENT_STREAM = "text/event-stream; charset=utf-8"


class StreamedResponse(Response):
    """Sends parts as they come.

    Nothing is sent before the first part is there, so an error until then has its own status.
    After that, an error leaves the body without its end: a client cannot take it for complete.

    close: is called once at the end with the outcome: done, failed, late or gone.
    stall_seconds: for which the client may take nothing.
    last_words: what is sent for an error in the middle, so that the body has an end all the same.
    """

    def __init__(
        self,
        parts: AsyncIterator[bytes],
        media_type: str,
        close: Callable[[str], Awaitable[None]],
        stall_seconds: float,
        headers: Mapping[str, str] | None = None,
        last_words: Callable[[ApiError], bytes] | None = None,
    ) -> None:
        super().__init__(headers=headers, media_type=media_type)
        del self.headers["content-length"]
        self._parts, self._close, self._stall_seconds = parts, close, stall_seconds
        self._last_words = last_words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outcome = "gone"
        sending = asyncio.create_task(self._send_parts(scope, receive, send))
        watching = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                outcome = sending.result()
        finally:
            sending.cancel()
            watching.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)
            await asyncio.shield(self._close(outcome))

    async def _send_parts(self, scope: Scope, receive: Receive, send: Send) -> str:
        """Send everything, and return the outcome."""
        try:
            first = await anext(self._parts, b"")
        except ApiError as error:
            await error_response(error)(scope, receive, send)
            return _outcome(error)
        await send(
            {"type": "http.response.start", "status": 200, "headers": self.raw_headers},
        )
        try:
            await self._send(send, first, more=True)
            async for part in self._parts:
                await self._send(send, part, more=True)
        except ApiError as error:
            if self._last_words is not None:
                await self._send(send, self._last_words(error), more=False)
            return _outcome(error)
        except TimeoutError:
            return "gone"
        await self._send(send, b"", more=False)
        return "done"

    async def _send(self, send: Send, part: bytes, *, more: bool) -> None:
        message: Message = {"type": "http.response.body", "body": part, "more_body": more}
        async with asyncio.timeout(self._stall_seconds):
            await send(message)


def error_response(error: ApiError) -> Response:
    """The response to a request that is not done."""
    return JSONResponse(error.body, error.status, error.headers)


def sse(event: Mapping[str, Any], number: int | None = None) -> bytes:
    """An event of a stream (WHATWG HTML, server-sent events); its type is in its data, too.

    number: its id, by which a client that was cut off goes on; None: it has none.
    """
    name = "" if number is None else f"id: {number}\n"
    return (
        f"{name}event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
    )


def delta(data: bytes) -> dict[str, Any]:
    """The event that brings encoded sound, as OpenAI has it."""
    return {"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}


def _outcome(error: ApiError) -> str:
    return "late" if error.code == "deadline_exceeded" else "failed"


async def _disconnected(receive: Receive) -> None:
    """Wait until the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
