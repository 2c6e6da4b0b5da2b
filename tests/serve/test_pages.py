"""The page to try a server, the page of its endpoints, and the examples of both."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from support.browser import CHROMIUM, WAIT_SECONDS, needs_chromium, until
from support.http_server import Server

from podtts.serve.pages import body_of, example_call

PARTS = ("/", "/page.js", "/page.css", "/docs")


@pytest.mark.parametrize("path", PARTS)
def test_a_page_loads_nothing_from_elsewhere(server: Server, path: str) -> None:
    response = server.get(path)
    assert response.status_code == 200
    assert "default-src 'none'" in response.headers["content-security-policy"]
    links = re.findall(r"(?:src|href)=[\"']([^\"']+)", response.text)
    assert all(not link.startswith(("http", "//")) for link in links)
    assert path not in ("/", "/docs") or links


def operations(server: Server) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    document = server.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation, document


def test_every_endpoint_is_described(server: Server) -> None:
    page = server.get("/docs").text
    found = set()
    for method, path, operation, _ in operations(server):
        assert operation["description"].endswith("."), path
        assert f"<h2>{method.upper()} {path}</h2>" in page
        found.add((method, path))
    assert found >= {
        ("post", "/v1/audio/speech"),
        ("post", "/v1/dialogue"),
        ("post", "/api/tts"),
        ("post", "/v1/jobs"),
        ("delete", "/v1/audio/voices/{voice}"),
        ("get", "/v1/jobs/{job}/events"),
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_examples_work_as_they_stand(server: Server) -> None:
    done = 0
    for method, path, operation, document in operations(server):
        body = body_of(operation, document)
        has_example = bool(body and body.get("examples"))
        if "{" in path or (method == "post" and not has_example):
            continue
        call = example_call(method, path, operation, document, server.url)
        words = shlex.split(call.replace('"mini"', '"model"'))
        curl = subprocess.run([*words, "-sS", "--fail-with-body"], capture_output=True, check=False)
        assert curl.returncode == 0, (call, curl.stdout, curl.stderr)
        done += 1
    assert done >= 9


@needs_chromium
def test_the_page_plays_while_sound_comes(server: Server) -> None:
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    with sync_playwright() as playwright:
        quiet = ["--mute-audio", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=quiet, timeout=1000 * WAIT_SECONDS
        )
        page = browser.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(server.url)
        until(page, "document.getElementById('voice').options.length === 2")
        page.fill("#text", "Hello there. How are you? " * 4)
        page.click("#speak")
        until(page, "document.getElementById('status').textContent.includes('all of it')")
        until(page, "document.getElementById('audio').currentTime > 0")
        assert page.evaluate("document.getElementById('audio').error") is None
        assert page.evaluate("document.getElementById('audio').duration") > 0.3
        page.fill("#text", "<|nonsense|>")
        page.click("#speak")
        until(page, "document.getElementById('status').textContent.includes('unknown tag')")
        browser.close()
    assert [each for each in problems if "400" not in each] == []
