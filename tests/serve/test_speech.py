"""POST /v1/audio/speech over a real socket: formats, streams, voices, refusals."""

import base64
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from support.commands import run
from support.golden_data import MODEL
from support.http_server import Server

from podtts.audio.metadata import MADE_BY_A_MODEL
from podtts.serve import service
from podtts.serve.api_error import ApiError
from podtts.serve.service import check_format

TEXT = "Do bridges hum? Only in the wind."


def samples(response: httpx.Response) -> "np.ndarray[Any, np.dtype[np.int16]]":
    assert response.status_code == 200, response.text
    return np.frombuffer(response.content, "<i2")


def events(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def refusal(response: httpx.Response, status: int = 400) -> dict[str, Any]:
    """The error of a response, in OpenAI's shape."""
    assert response.status_code == status, response.text
    assert response.json().keys() == {"error"}
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize(
    ("kind", "media", "magic"),
    [
        ("wav", "audio/wav", b"RIFF"),
        ("mp3", "audio/mpeg", b"ID3"),
        ("flac", "audio/flac", b"fLaC"),
        ("opus", "audio/ogg", b"OggS"),
        ("aac", "audio/aac", b"ID3"),
    ],
)
def test_every_format_is_what_it_says_and_is_marked(
    server: Server, kind: str, media: str, magic: bytes, tmp_path: Path
) -> None:
    response = server.speak(TEXT, response_format=kind)
    assert response.status_code == 200
    assert response.headers["content-type"] == media
    assert response.headers["x-digital-source-type"] == MADE_BY_A_MODEL
    assert response.content.startswith(magic)
    assert MADE_BY_A_MODEL.encode() in response.content
    plain = samples(server.speak(TEXT))
    sound, rate = decoded(response.content, kind, tmp_path)
    seconds = len(plain) / 24_000
    assert len(sound) / rate == pytest.approx(seconds, abs=0.15)
    if kind in ("wav", "flac"):
        assert np.array_equal(np.round(sound * 32768).astype(np.int16), plain)


def decoded(raw: bytes, kind: str, folder: Path) -> tuple[Any, int]:
    if kind in ("aac", "flac"):  # libsndfile reads no FLAC without a length
        av = pytest.importorskip("av")
        (folder / "sound").write_bytes(raw)
        with av.open(str(folder / "sound")) as file:
            frames = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
        return np.concatenate(frames) / (32768 if kind == "flac" else 1), 24_000
    if kind == "wav":  # of unknown length, because nobody knew it when the header went out
        assert raw.count(b"RIFF") == 1
        start = raw.index(b"data") + 8
        return np.frombuffer(raw[start:], "<i2") / 32768, 24_000
    sound, rate = soundfile.read(io.BytesIO(raw))
    return sound, rate


def test_the_samples_are_those_of_synth(server: Server, prepared: Path, tmp_path: Path) -> None:
    """The same text, voice and seed, streamed to stdout."""
    (tmp_path / "talk.txt").write_text(f"S1 = anna\n[S1] {TEXT}\n")
    flags = ("--flow-steps", "1", "--max-turn-tokens", "40", "--dtype", "float32")
    wav = run(
        *("synth", tmp_path / "talk.txt", "-o", "-", "--flow-mode", "streaming", "--seed", "7"),
        *("--model", MODEL, "--cache-dir", prepared, *flags),
    ).done()
    expected = wav.stdout[wav.stdout.index(b"data") + 8 :]
    assert server.speak(TEXT, seed=7).content == expected
    assert server.speak(TEXT, seed=8).content != expected


def test_sound_comes_in_parts_while_it_is_made(server: Server) -> None:
    script = {"input": "[S1] Hello.\n[S2] Hi.\n" * 3, "voices": {"S1": "anna", "S2": "ben"}}
    body = {"model": "model", "response_format": "pcm", **script}
    with httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body, timeout=240) as response:
        parts = [len(part) for part in response.iter_raw()]
    assert response.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in response.headers
    assert len(parts) >= 3
    assert sum(parts) == 2 * len(samples(server.post("/v1/audio/speech", json=body)))


def test_events_bring_the_same_sound_and_the_usage(server: Server) -> None:
    *sound, done = events(server.speak(TEXT, stream_format="sse"))
    turns = [event for event in sound if event["type"] == "dialogue.turn"]
    raw = b"".join(
        base64.b64decode(event["audio"]) for event in sound if event["type"] == "speech.audio.delta"
    )
    assert raw == server.speak(TEXT).content
    assert [(turn["first_sample"], turn["samples"]) for turn in turns] == [(0, len(raw) // 2)]
    assert (turns[0]["text"], turns[0]["voice"]) == (TEXT, "anna")
    usage = done["usage"]
    assert usage["output_tokens"] == len(raw) // 2 // 960
    assert usage["input_tokens"] > 5
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


@pytest.mark.parametrize("speed", [0.5, 1.5, 2.0])
def test_speed_changes_the_length(server: Server, speed: float) -> None:
    plain = samples(server.speak(TEXT, flow_mode="streaming"))
    other = samples(server.speak(TEXT, speed=speed, flow_mode="streaming"))
    assert len(other) == round(len(plain) / speed)


@pytest.mark.parametrize("speed", [0.25, 0.49, 2.01, 4.0])
def test_a_speed_that_the_stretcher_does_not_do_is_refused_by_name(
    server: Server, speed: float
) -> None:
    error = refusal(server.speak(TEXT, speed=speed))
    assert error["param"] == "speed"
    assert "0.5 to 2" in error["message"]


def test_aac_without_av_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "has_av", lambda: False)
    with pytest.raises(ApiError, match=r"podtts\[av\]") as refused:
        check_format("aac")
    assert (refused.value.status, refused.value.param) == (400, "response_format")
    check_format("mp3")


def test_a_voice_is_a_string_or_an_object(server: Server) -> None:
    plain = server.speak(TEXT).content
    assert server.speak(TEXT, voice={"id": "anna"}).content == plain
    assert server.speak(TEXT, voice="Anna").content == plain
    assert server.speak(TEXT, voice="ben").content != plain


@pytest.mark.parametrize("script", ["input", "turns"])
def test_a_script_has_several_voices(server: Server, script: str) -> None:
    fields: dict[str, Any] = {"input": "[S1] Hello.\n[S2] Hi."}
    if script == "turns":
        fields = {"input": None, "turns": [["S1", "Hello."], ["S2", "Hi."]]}
    voices = {"S1": "anna", "S2": {"id": "ben"}}
    response = server.speak(voice=None, voices=voices, stream_format="sse", **fields)
    turns = [event for event in events(response) if event["type"] == "dialogue.turn"]
    assert [(turn["speaker"], turn["voice"], turn["text"]) for turn in turns] == [
        ("S1", "anna", "Hello."),
        ("S2", "ben", "Hi."),
    ]


def test_a_plain_text_is_words_and_no_script(server: Server) -> None:
    text = "Note: a label, a # heading\n# and // a comment are words here."
    response = server.speak(text, stream_format="sse")
    [turn] = [event for event in events(response) if event["type"] == "dialogue.turn"]
    assert turn["text"] == text.replace("\n", " ")


@pytest.mark.parametrize(
    ("fields", "status", "param", "words"),
    [
        ({"input": ""}, 400, "input", "nothing to say"),
        ({"input": None}, 400, "input", "either input or turns"),
        ({"input": "…"}, 400, "input", "nothing to say"),
        ({"input": "x" * 2001}, 400, "input", "2000"),
        ({"input": "\x00"}, 400, "input", "NUL"),
        ({"input": "<|nonsense|>"}, 400, "input", "unknown tag"),
        ({"input": "[S1] Hi.\n" * 21, "voices": {"S1": "anna"}}, 400, "input", "21 turns"),
        ({"voice": "nobody"}, 400, "voice", "nobody"),
        ({"voice": None}, 400, "voice", "needs a voice"),
        ({"voice": {"name": "anna"}}, 400, "voice", "voice"),
        ({"voice": 5}, 400, "voice", "valid string"),
        ({"model": "gpt-5"}, 404, "model", "model"),
        ({"instructions": "Be kind."}, 400, "instructions", "no instructions"),
        ({"response_format": "ogg"}, 400, "response_format", "mp3"),
        ({"speed": 9}, 400, "speed", "4"),
        ({"stream_format": "ws"}, 400, "stream_format", "sse"),
        ({"pitch": 1}, 400, "pitch", "not permitted"),
        ({"seed": "7"}, 400, "seed", "integer"),
        ({"flow_steps": 0}, 400, "flow_steps", "1 to 1000"),
        ({"preset": "loud"}, 400, "preset", "faithful"),
        ({"turns": [["S1", "Hi."]]}, 400, "input", "either"),
    ],
)
def test_what_cannot_be_done_is_refused_and_named(
    server: Server, fields: dict[str, Any], status: int, param: str, words: str
) -> None:
    error = refusal(
        server.speak(**({"text": "Hi."} if "input" not in fields else {}), **fields), status
    )
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert words in error["message"]


HOSTILE = ("../anna", "/etc/passwd", "..\\anna", "anna\0", "con", ".", "a" * 5000, "‮anna", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name_that_is_not_there(server: Server, name: str) -> None:
    for voice in (name, {"id": name}):
        error = refusal(server.speak(voice=voice))
        assert error["code"] == "voice_not_found"
    refusal(server.speak("[S1] Hi.", voice=None, voices={"S1": name}))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "invalid_json"),
        (b"[]", "invalid_value"),
        (b"\xff\xfe", "invalid_json"),
        (b"", "invalid_value"),
    ],
)
def test_a_body_that_is_no_request_is_refused(server: Server, content: bytes, code: str) -> None:
    headers = {"content-type": "application/json"}
    error = refusal(server.post("/v1/audio/speech", content=content, headers=headers))
    assert error["code"] == code


def test_paths_and_methods_that_are_not_there(server: Server) -> None:
    assert refusal(server.get("/v1/nothing"), 404)["code"] == "not_found"
    assert refusal(server.get("/v1/audio/speech"), 405)["code"] == "method_not_allowed"


def test_the_openai_package_streams_to_a_file_and_by_events(server: Server, tmp_path: Path) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
        wanted = {"model": "model", "voice": "anna", "input": TEXT}
        with client.audio.speech.with_streaming_response.create(
            **wanted, response_format="wav"
        ) as response:
            response.stream_to_file(tmp_path / "speech.wav")
        with client.audio.speech.with_streaming_response.create(
            **wanted, response_format="pcm", stream_format="sse"
        ) as response:
            lines = [line for line in response.iter_lines() if line.startswith("data: ")]
        with pytest.raises(openai.BadRequestError) as refused:
            client.audio.speech.create(**wanted | {"voice": "nobody"})
        with pytest.raises(openai.NotFoundError):
            client.audio.speech.create(**wanted | {"model": "tts-1"})
        assert [model.id for model in client.models.list()] == ["model"]
    plain = server.speak(TEXT).content
    assert (tmp_path / "speech.wav").read_bytes().endswith(plain)
    received = [json.loads(line.removeprefix("data: ")) for line in lines]
    deltas = [event["audio"] for event in received if event["type"] == "speech.audio.delta"]
    assert b"".join(map(base64.b64decode, deltas)) == plain
    assert received[-1]["type"] == "speech.audio.done"
    assert (refused.value.param, refused.value.code) == ("voice", "voice_not_found")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl_gets_a_file(server: Server, tmp_path: Path) -> None:
    body = {"model": "model", "input": TEXT, "voice": "anna", "response_format": "flac"}
    output = str(tmp_path / "a.flac")
    data = ("-H", "Content-Type: application/json", "-d", json.dumps(body))
    url = f"{server.url}/v1/audio/speech"
    subprocess.run(["curl", "--fail", "-sS", url, "-o", output, *data], check=True)
    assert soundfile.info(output).samplerate == 24_000
