"""`podtts doctor --server URL`: asks a running server how it is, and lets it speak."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import podtts
from podtts.errors import PartialError, UsageError
from podtts.rates import OUTPUT_HZ

_SECONDS = 120.0  # that a busy server may take to answer
_TEXT = "Good evening."


class _Answers:
    """What a server answers. token: empty: none is sent."""

    def __init__(self, url: str, token: str) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise UsageError(f"--server {url} is no address", "such as http://127.0.0.1:8000")
        self.url, self._token = url.rstrip("/"), token

    def json(self, path: str) -> Any:
        with self.open(path) as response:
            return json.load(response)

    def open(self, path: str, body: object = None) -> HTTPResponse:
        """The answer to a request. Raises PartialError with what the server says is wrong."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", content, headers)
        try:
            response: HTTPResponse = urllib.request.urlopen(request, timeout=_SECONDS)
        except urllib.error.HTTPError as error:
            with error:
                raise PartialError(f"{self.url}{path}: {error.code}, {_message(error)}") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise PartialError(
                f"{self.url}: no answer: {reason}",
                "is the server running, and is this its address?",
            ) from None
        return response


def server_facts(url: str, token: str) -> Iterator[tuple[str, str]]:
    """What is found out about a server, a line each.

    Raises PartialError for a server that does not answer, is not ready or cannot speak.
    """
    answers = _Answers(url, token)
    version = answers.json("/health").get("version", "unknown")
    other = "" if version == podtts.__version__ else f"; this podtts is {podtts.__version__}"
    yield "server", f"{answers.url}, podtts {version}{other}"
    ready = answers.json("/ready")
    yield "ready", f"model {ready['model']}, {ready['rows']} requests at a time"
    names = [voice["id"] for voice in answers.json("/v1/audio/voices")["data"]]
    yield "voices", ", ".join(names) or "none: podtts prep makes one"
    jobs = answers.json("/v1/jobs?limit=1000")["data"]
    unfinished = sum(job["state"] in ("queued", "running") for job in jobs)
    yield "jobs", f"{len(jobs)}, of which {unfinished} wait or run"
    if names:
        yield "speech", _speech(answers, ready["model"], names[0])


def _speech(answers: _Answers, model: str, voice: str) -> str:
    """Let a server speak, and return how long that took."""
    body = {"model": model, "input": _TEXT, "voice": voice, "response_format": "pcm"}
    started = time.perf_counter()
    with answers.open("/v1/audio/speech", body) as response:
        first = response.read(2)
        heard = time.perf_counter() - started
        try:
            samples = (len(first) + len(response.read())) // 2
        except (OSError, HTTPException):
            raise PartialError(f"{answers.url}: the sound ends without its end") from None
    done = time.perf_counter() - started
    return f"first sound after {heard:.2f} s, {samples / OUTPUT_HZ:.1f} s of it after {done:.2f} s"


def _message(error: urllib.error.HTTPError) -> str:
    """What the server says is wrong; its status where it says nothing."""
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return error.reason
