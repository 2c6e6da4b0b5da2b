"""`podtts doctor --server URL` with a running server, a stranger, and nobody."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.commands import run
from support.golden_data import MODEL
from support.http_server import Server, running_server

pytest.importorskip("fastapi")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "tokens").write_text("# for tests\nsecret\n")
    short = ("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "40")
    speakers = Path(__file__).parents[1] / "speakers"
    run("prep", speakers, "--model", MODEL, "--cache-dir", folder / "cache").done()
    flags = (*short, "--cache-dir", folder / "cache", "--token-file", folder / "tokens")
    with running_server(folder / "log", *flags) as server:
        yield server


def test_a_server_is_asked_and_speaks(guarded: Server) -> None:
    tokens = guarded.log.with_name("tokens")
    lines = run("doctor", "--server", guarded.url, "--token-file", tokens).done().lines
    facts = {line.split()[0]: line for line in lines}
    assert [*facts] == ["server", "ready", "voices", "jobs", "speech"]
    assert guarded.url in facts["server"]
    assert "model model" in facts["ready"]
    assert "anna, ben" in facts["voices"]
    assert "first sound after" in facts["speech"]


def test_without_its_token_it_says_so(guarded: Server) -> None:
    result = run("doctor", "--server", guarded.url)
    assert result.code == 1
    assert "401, this server needs a token" in result.said[-1]


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    result = run("doctor", "--server", f"http://127.0.0.1:{port}")
    assert result.code == 1
    assert "no answer" in result.error


def test_a_stranger_answers() -> None:
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = run("doctor", "--server", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert result.code == 1
    assert "/health: 404" in result.error


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "file:///etc/passwd", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    assert run("doctor", "--server", url).code == 2
