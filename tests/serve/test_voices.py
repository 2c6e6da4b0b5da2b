"""Voices over HTTP: listed with consent, uploaded within limits, deleted for good."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from serve.conftest import SHORT, SPEAKERS
from serve.test_speech import HOSTILE, refusal
from support.commands import run
from support.http_server import Server, running_server

RECORDING = (SPEAKERS / "anna.wav").read_bytes()
FIELDS = {
    "name": "maria",
    "transcript": (SPEAKERS / "anna.txt").read_text().strip(),
    "consent": "Maria agreed by letter, 2026-01-31.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voices")


@pytest.fixture(scope="module")
def own_cache(prepared: Path, folder: Path) -> Path:
    return Path(shutil.copytree(prepared, folder / "cache"))


@pytest.fixture(scope="module")
def voices_server(own_cache: Path, folder: Path) -> Iterator[Server]:
    """A server with a cache of its own."""
    with running_server(folder / "log", *SHORT, "--cache-dir", own_cache) as server:
        yield server


def upload(
    server: Server, recording: bytes = RECORDING, filename: str = "a.wav", **fields: Any
) -> httpx.Response:
    form = {name: value for name, value in (FIELDS | fields).items() if value is not None}
    files = {"audio_sample": (filename, recording, "audio/wav")}
    return server.post("/v1/audio/voices", data=form, files=files)


def listed(server: Server) -> dict[str, dict[str, Any]]:
    values = server.get("/v1/audio/voices").json()
    assert values["object"] == "list"
    return {voice["id"]: voice for voice in values["data"]}


def delete(server: Server, name: str) -> httpx.Response:
    return httpx.delete(f"{server.url}/v1/audio/voices/{name}", timeout=240)


def test_a_voice_is_uploaded_speaks_and_is_deleted(
    voices_server: Server, own_cache: Path, folder: Path
) -> None:
    server = voices_server
    before = listed(server)
    answer = upload(server)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["id"], answer.json()["object"]) == ("maria", "audio.voice")
    assert 1 < answer.json()["seconds"] < 30
    assert listed(server)["maria"]["consent"] == FIELDS["consent"]
    assert server.speak(voice={"id": "maria"}).status_code == 200
    shown = run("voices", *SHORT[:2], "--cache-dir", own_cache).done()
    assert any("maria" in line and FIELDS["consent"] in line for line in shown.lines)
    assert delete(server, "maria").json()["deleted"] is True
    assert listed(server) == before
    assert refusal(server.speak(voice="maria"))["code"] == "voice_not_found"
    left = [path for path in own_cache.rglob("*") if path.is_file() and "maria" in path.name]
    assert left == []
    assert [*(own_cache / "prefixes").glob("*.safetensors")] == []
    assert refusal(delete(server, "maria"), 404)["code"] == "voice_not_found"


def test_without_consent_it_is_refused(voices_server: Server) -> None:
    for consent in (None, "", "  "):
        error = refusal(upload(voices_server, consent=consent))
        assert (error["param"], error["code"]) == ("consent", "no_consent")
    assert "maria" not in listed(voices_server)


@pytest.mark.parametrize(
    ("recording", "fields", "words"),
    [
        (b"", {}, "empty"),
        (b"no sound at all", {}, "the recording: "),
        (RECORDING[:5000], {}, "the recording: "),
        (RECORDING, {"transcript": " "}, "words"),
        (RECORDING, {"transcript": "x" * 10_001}, "10000"),
        (RECORDING, {"transcript": "<|nonsense|>"}, "unknown tag"),
        (RECORDING, {"dialect_prompt": "No tag."}, "must begin with"),
        (RECORDING, {"transcript": None}, "Field required"),
    ],
)
def test_what_cannot_be_a_voice_is_refused(
    voices_server: Server, recording: bytes, fields: dict[str, Any], words: str
) -> None:
    message = refusal(upload(voices_server, recording, **fields))["message"]
    assert words in message
    assert "/tmp" not in message
    assert "maria" not in listed(voices_server)


def test_a_recording_that_is_too_long_is_refused(voices_server: Server) -> None:
    header, samples = RECORDING[:44], RECORDING[44:]
    sound = samples * (31 * 48_000 // len(samples) + 1)
    sizes = (len(sound) + 36).to_bytes(4, "little"), len(sound).to_bytes(4, "little")
    long = header[:4] + sizes[0] + header[8:40] + sizes[1] + sound
    assert "30 s" in refusal(upload(voices_server, long))["message"]


def test_an_upload_that_is_too_large_is_refused(voices_server: Server) -> None:
    assert refusal(upload(voices_server, bytes(2**25 + 1)), 413)["code"] == "body_too_large"
    assert voices_server.speak().status_code == 200


@pytest.mark.parametrize("name", [*HOSTILE, "a b", "a.b", "x" * 33])
def test_hostile_names_are_refused(voices_server: Server, own_cache: Path, name: str) -> None:
    before = {*own_cache.rglob("*")}
    refused = upload(voices_server, name=name)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] in ("name", "audio_sample")
    assert {*own_cache.rglob("*")} == before


@pytest.mark.parametrize("name", ["..%2Fanna", "%2Fetc%2Fpasswd", "..", "nobody", "anna%00"])
def test_only_a_voice_that_is_there_can_be_deleted(voices_server: Server, name: str) -> None:
    assert delete(voices_server, name).status_code in (404, 405)
    assert "anna" in listed(voices_server)


def test_the_file_name_of_an_upload_is_not_used(voices_server: Server) -> None:
    answer = upload(voices_server, name="anton", filename="../../../etc/passwd")
    assert answer.status_code == 201
    assert refusal(upload(voices_server, name="anton"), 409)["code"] == "exists"
    assert delete(voices_server, "anton").status_code == 200
