"""Refusals that need no endpoint: tokens, origins, bodies that are too large or never end."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
from collections.abc import Collection, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from podtts.serve.api_error import ApiError
from podtts.serve.limits import Limits
from podtts.serve.streamed_response import error_response

OPEN_PATHS = frozenset(
    {"/", "/page.js", "/page.css", "/health", "/ready", "/docs", "/openapi.json"}
)
UPLOADS = "/v1/audio/voices"
_READING = ("GET", "HEAD", "OPTIONS")
_DISCARDED_BYTES, _DISCARDING_SECONDS = 2**26, 2.0  # of a refused request, at most


class Guard:
    """Lets requests pass to an application, or refuses them before anything of them is read.

    tokens:    one of which a request must bear, except for OPEN_PATHS; empty: none is needed.
    origins:   of pages that may use the server, besides its own.
    loopback:  only this machine reaches the server. Then a name of another host in a request means
               that a page has pointed its own name here.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Sequence[str],
        origins: Collection[str],
        limits: Limits,
        *,
        loopback: bool,
    ) -> None:
        self._app, self._origins, self._limits, self._loopback = app, origins, limits, loopback
        self._tokens = [_digest(token) for token in tokens]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._most_bytes(scope), self._limits.body_seconds)
        try:
            headers = Headers(scope=scope)
            self._check_origin(scope, headers)
            self._check_token(scope, headers)
            body.check_length(headers)
        except ApiError as error:
            response = error_response(error)
            if error.status == 401:
                response.headers["WWW-Authenticate"] = "Bearer"
            response.headers["Connection"] = "close"  # the body is not read to its end
            if "expect" not in headers:
                await body.discard()
            await response(scope, receive, send)
            return
        await self._app(scope, body.receive, send)

    def _most_bytes(self, scope: Scope) -> int:
        is_upload = scope["method"] == "POST" and scope["path"] == UPLOADS
        return self._limits.upload_bytes if is_upload else self._limits.body_bytes

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        if not self._tokens or scope["path"] in OPEN_PATHS or scope["method"] == "OPTIONS":
            return
        kind, _, token = headers.get("authorization", "").partition(" ")
        if not token:
            raise _unauthorized("this server needs a token: Authorization: Bearer TOKEN")
        given = _digest(token.strip())
        # All are compared, so that the time tells nothing.
        matches = [hmac.compare_digest(given, known) for known in self._tokens]
        if kind.casefold() != "bearer" or not any(matches):
            raise _unauthorized("the token is not one of this server's")

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if self._loopback and not self._tokens and not _is_loopback(host):
            raise ApiError(403, f"this server is not {host[:100]!r}", code="wrong_host")
        origin = headers.get("origin")
        if origin is None or scope["method"] in _READING or origin in self._origins:
            return
        if urlsplit(origin).netloc != host:
            raise ApiError(
                403,
                f"pages of {origin[:100]} may not use this server; see --cors",
                code="wrong_origin",
            )


class _Body:
    """The body of a request as it comes, within its limits."""

    def __init__(self, receive: Receive, most_bytes: int, seconds: float) -> None:
        self._receive, self._most_bytes = receive, most_bytes
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._seconds = seconds
        self._bytes = 0
        self._is_complete = False

    def check_length(self, headers: Headers) -> None:
        """Raise ApiError for a body that says that it is too large."""
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._most_bytes:
            raise self._too_large()

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise ApiError(
                408, f"the body was not complete within {self._seconds:g} s", code="body_late"
            ) from None
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)
            if self._bytes > self._most_bytes:
                raise self._too_large()
        return message

    async def discard(self) -> None:
        """Read on for a moment: who still sends loses the answer of a connection that closes."""
        left = _DISCARDED_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(_DISCARDING_SECONDS):
                while left > 0:
                    message = await self._receive()
                    if not message.get("more_body", False):
                        return
                    left -= len(message.get("body", b""))

    def _too_large(self) -> ApiError:
        return ApiError(
            413, f"the body has more than {self._most_bytes} bytes", code="body_too_large"
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def _unauthorized(message: str) -> ApiError:
    return ApiError(401, message, kind="authentication_error", code="invalid_api_key")


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
