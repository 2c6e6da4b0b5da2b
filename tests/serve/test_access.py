"""Who may use a server: tokens, origins and hosts; bodies that are too large or never end."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from serve.conftest import SHORT
from serve.test_speech import refusal
from starlette.types import Message, Receive, Scope, Send
from support.commands import run
from support.http_server import Server, running_server

from podtts.serve.guards import Guard
from podtts.serve.limits import Limits

ORIGIN = "https://example.org"
BODY = {"model": "model", "input": "Hi.", "voice": "anna", "response_format": "pcm"}


@pytest.fixture(scope="module")
def guarded(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two tokens, for all addresses of this machine and for pages of ORIGIN."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "tokens").write_text("# for tests\nfirst-token\n\nsecond-token\n")
    flags = ("--host", "0.0.0.0", "--token-file", folder / "tokens", "--cors", ORIGIN)
    common = (*SHORT, "--cache-dir", prepared, "--rows", "1")
    with running_server(folder / "log", *common, *flags) as server:
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")
        yield server


@pytest.mark.parametrize("token", ["first-token", "second-token"])
def test_a_token_lets_in(guarded: Server, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    assert guarded.post("/v1/audio/speech", json=BODY, headers=headers).status_code == 200
    assert guarded.get("/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "Bearer first-toke",
        "Bearer first-token2",
        "Basic first-token",
        "first-token",
        "Bearer # for tests",
        "Bearer \u00e9",
    ],
)
def test_another_token_does_not(guarded: Server, value: str | None) -> None:
    headers = {} if value is None else {"authorization": value.encode()}
    for path in ("/v1/models", "/metrics", "/nothing"):
        response = guarded.get(path, headers=headers)
        error = refusal(response, 401)
        assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
        assert response.headers["www-authenticate"] == "Bearer"


def test_whether_the_server_lives_needs_no_token(guarded: Server) -> None:
    assert guarded.get("/health").json()["status"] == "alive"
    assert guarded.get("/ready").json()["status"] == "ready"


def test_only_pages_of_the_named_origin_may_use_it(guarded: Server) -> None:
    preflight = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }

    def asks(origin: str) -> httpx.Response:
        headers = preflight | {"origin": origin}
        return httpx.options(f"{guarded.url}/v1/audio/speech", headers=headers)

    assert asks(ORIGIN).headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in asks("https://example.com").headers
    token = {"authorization": "Bearer first-token"}
    answer = guarded.post("/v1/audio/speech", json=BODY, headers=token | {"origin": ORIGIN})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    other = token | {"origin": "https://example.com"}
    assert refusal(guarded.post("/v1/audio/speech", json=BODY, headers=other), 403)


def test_a_refusal_can_be_read_by_a_page_of_the_origin(guarded: Server) -> None:
    response = guarded.get("/v1/models", headers={"origin": ORIGIN})
    assert response.headers["access-control-allow-origin"] == ORIGIN


def test_no_other_page_may_use_a_server_without_tokens(server: Server) -> None:
    response = server.post("/v1/audio/speech", json=BODY, headers={"origin": "http://evil.test"})
    assert refusal(response, 403)["code"] == "wrong_origin"
    assert "access-control-allow-origin" not in response.headers
    own = server.post("/v1/audio/speech", json=BODY, headers={"origin": server.url})
    assert own.status_code == 200


def test_a_name_that_points_to_this_machine_is_no_way_in(server: Server) -> None:
    """As a page does whose owner points its name to 127.0.0.1 once it is loaded."""
    headers = {"host": "evil.test:8000", "origin": "http://evil.test:8000"}
    assert refusal(server.get("/v1/models", headers=headers), 403)["code"] == "wrong_host"
    assert server.get("/v1/models", headers={"host": "localhost:1"}).status_code == 200
    assert server.get("/v1/models", headers={"host": "[::1]:1"}).status_code == 200


def test_other_machines_need_a_token() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        result = run("serve", "--host", host, "--check")
        assert result.code == 2
        assert result.error.startswith(f"--host {host} lets other machines in; give --token-file")


@pytest.mark.parametrize("content", [None, "", "# none\n"])
def test_a_token_file_must_have_a_token(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    if content is not None:
        file.write_text(content)
    result = run("serve", "--token-file", file, "--check")
    assert result.code == 2
    assert str(file) in result.error


def test_a_port_that_is_taken_is_refused_before_the_model_is_loaded(server: Server) -> None:
    port = str(urlsplit(server.url).port)
    result = run("serve", *SHORT, "--port", port)
    assert result.code == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in result.error


@pytest.mark.parametrize("says_so", [True, False])
def test_a_body_that_is_too_large_is_refused(server: Server, says_so: bool) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * 2**16

    content = b" " * (2**20 + 1) if says_so else parts()
    headers = {"content-type": "application/json"}
    response = server.post("/v1/audio/speech", content=content, headers=headers)
    assert refusal(response, 413)["code"] == "body_too_large"


def test_a_form_of_a_page_is_no_request(server: Server) -> None:
    """What a page can send without asking: a text that looks like JSON."""
    response = server.post(
        "/v1/audio/speech", content=b'{"input": "Hi."}', headers={"content-type": "text/plain"}
    )
    assert refusal(response)["code"] == "invalid_value"


def test_half_a_body_holds_nothing_up(server: Server) -> None:
    address = urlsplit(server.url)
    half = (
        f"POST /v1/audio/speech HTTP/1.1\r\nHost: {address.netloc}\r\n"
        'Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"model": "mo'
    )
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(half.encode())
        assert server.speak().status_code == 200
    assert server.figure("podtts_queue_depth") == 0


def test_nonsense_in_place_of_http_is_refused(server: Server) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_refused_body_is_read_before_the_answer() -> None:
    """A client that is still sending would lose the answer of a connection that closes."""
    parts = (True, True, False)
    waiting = [{"type": "http.request", "body": b"x" * 9, "more_body": more} for more in parts]
    unread: list[int] = []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(_: Message) -> None:
        unread.append(len(waiting))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it must not be asked")

    scope = {
        "type": "http", "method": "POST", "path": "/v1/jobs",
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", str(2**40).encode())],
    }  # fmt: skip
    asyncio.run(Guard(app, (), (), Limits(), loopback=True)(scope, receive, send))
    assert unread
    assert set(unread) == {0}
