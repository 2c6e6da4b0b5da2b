"""POST /v1/dialogue and POST /api/tts."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from serve.conftest import SHORT
from serve.test_speech import events, refusal
from support.commands import run
from support.golden_data import MODEL
from support.http_server import Server, running_server

SCRIPT = "# A bridge\n[S1] Do you hear that?\n[S2] Hear what? [pause 0.5] No.\n"
VOICES = {"S1": "anna", "S2": {"id": "ben"}}


def ask(server: Server, script: object = SCRIPT, **fields: Any) -> httpx.Response:
    body = {"script": script, "voices": VOICES, "response_format": "pcm"}
    return server.post("/v1/dialogue", json=body | fields)


def test_the_sound_is_that_of_synth(server: Server, prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text(SCRIPT)
    wav = run(
        *("synth", tmp_path / "talk.txt", "-o", "-", "--flow-mode", "streaming", "--seed", "7"),
        *("--model", MODEL, "--cache-dir", prepared, "--flow-steps", "1", "--dtype", "float32"),
        *("--speaker", "S1=anna", "--speaker", "S2=ben", "--gap", "0.4"),
        *("--max-turn-tokens", "30"),
    ).done()
    options = {"seed": 7, "gap": 0.4, "max_turn_tokens": 30}
    response = ask(server, options=options)
    assert response.content == wav.stdout[wav.stdout.index(b"data") + 8 :]


def test_in_the_mode_full_it_is_that_of_a_file(
    server: Server, prepared: Path, tmp_path: Path
) -> None:
    (tmp_path / "talk.txt").write_text(SCRIPT)
    run(
        *("synth", tmp_path / "talk.txt", "-o", tmp_path / "talk.wav", "--max-turn-tokens", "40"),
        *("--model", MODEL, "--cache-dir", prepared, "--flow-steps", "1", "--dtype", "float32"),
        *("--speaker", "S1=anna", "--speaker", "S2=ben"),
    ).done()
    wav = (tmp_path / "talk.wav").read_bytes()
    response = ask(server, options={"flow_mode": "full"})
    assert response.content == wav[wav.index(b"data") + 8 :]


def test_events_say_where_every_turn_is(server: Server) -> None:
    received = events(ask(server, stream_format="sse"))
    turns = [event for event in received if event["type"] == "dialogue.turn"]
    sound = b"".join(base64.b64decode(event["audio"]) for event in received if "audio" in event)
    assert [(turn["turn"], turn["speaker"], turn["voice"], turn["text"]) for turn in turns] == [
        (1, "S1", "anna", "Do you hear that?"),
        (2, "S2", "ben", "Hear what?"),
        (3, "S2", "ben", "No."),
    ]
    first, second, third = turns
    assert first["first_sample"] == 0
    assert second["first_sample"] == first["samples"] + 6000  # the gap of 0.25 s
    assert third["first_sample"] == second["first_sample"] + second["samples"] + 12_000
    assert len(sound) == 2 * (third["first_sample"] + third["samples"])
    assert received[-1]["type"] == "speech.audio.done"


@pytest.mark.parametrize(
    "script",
    [
        [["S1", "Hello."], ["S2", "Hi."]],
        [{"speaker": "S1", "text": "Hello."}, {"speaker": "S2", "text": "Hi."}],
        {"speakers": {"S1": {}, "S2": {}}, "text": [["S1", "Hello."], ["S2", "Hi."]]},
    ],
)
def test_a_script_may_be_json(server: Server, script: object) -> None:
    received = events(ask(server, script, stream_format="sse"))
    turns = [event["text"] for event in received if event["type"] == "dialogue.turn"]
    assert turns == ["Hello.", "Hi."]


def test_a_script_may_name_its_voices(server: Server) -> None:
    script = "S1 = ben\nS2 = anna, rate 0.9\n[S1] Hi.\n[S2] Hi."
    received = events(ask(server, script, voices={}, stream_format="sse"))
    voices = [event["voice"] for event in received if event["type"] == "dialogue.turn"]
    assert voices == ["ben", "anna"]


@pytest.mark.parametrize(
    ("fields", "status", "param", "words"),
    [
        ({"script": ""}, 400, "script", "nothing to say"),
        ({"script": "[S1] Hi.\n[S3] Hi."}, 400, "voices.S3", "no voice"),
        ({"script": "[S1] <|nonsense|>"}, 400, "script", "script:1: unknown tag"),
        ({"script": 5}, 400, "script", "valid"),
        ({"options": {"sed": 7}}, 400, "options", "did you mean seed?"),
        ({"options": {"seed": "7"}}, 400, "seed", "whole number"),
        ({"options": {"flow_steps": 0}}, 400, "flow_steps", "1 to 1000"),
        ({"options": {"loudness": -16}}, 400, "options", "unknown option loudness"),
        ({"options": {"intro": "/etc/passwd"}}, 400, "options", "unknown option intro"),
        ({"options": {"gap": 99}}, 400, "gap", "0 to 10"),
        ({"voices": {"S1": "../anna"}}, 400, "voices.S1", "no voice"),
        ({"model": "other"}, 404, "model", "model"),
    ],
)
def test_what_cannot_be_done_is_refused_and_named(
    server: Server, fields: dict[str, Any], status: int, param: str, words: str
) -> None:
    error = refusal(ask(server, **fields), status)
    assert error["param"] == param
    assert words in error["message"]


def test_a_script_cannot_name_files_of_the_server(server: Server, tmp_path: Path) -> None:
    recording = tmp_path / "secret.wav"
    recording.write_bytes(b"RIFF")
    for path in (str(recording), "/nowhere.wav"):
        speaker = {"prompt_audio": path, "prompt_text": "Words."}
        script = {"speakers": {"S1": speaker}, "text": [["S1", "Hello."]]}
        error = refusal(ask(server, script, voices={}))
        assert "upload a voice" in error["message"]


CURL = '{"text": "你好，欢迎来到播客！", "speaker": "女声1", "dialect": "普通话"}'  # of the source


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_curl_line_of_the_source_works(prepared: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.json"
    names.write_text(json.dumps({"voices": {"女声1": "anna"}}))
    flags = (*SHORT, "--cache-dir", prepared, "--names", names)
    with running_server(tmp_path / "log", *flags) as server:
        output = str(tmp_path / "output.wav")
        data = ("-H", "Content-Type: application/json", "-d", CURL)
        url = f"{server.url}/api/tts"
        subprocess.run(
            ["curl", "-sS", "--fail", "-X", "POST", url, "-o", output, *data], check=True
        )
    assert Path(output).read_bytes().startswith(b"RIFF")
    assert Path(output).stat().st_size > 10_000


def tts(server: Server, **fields: str) -> httpx.Response:
    body = {"text": "Do bridges hum?", "speaker": "anna", "dialect": "普通话"}
    return server.post("/api/tts", json=body | fields)


def test_dialects_have_names_in_two_languages(server: Server) -> None:
    plain = tts(server).content
    assert tts(server, dialect="Mandarin").content == plain
    by_name = [tts(server, dialect=name) for name in ("四川话", "Sichuan", "sichuanese")]
    if by_name[0].status_code == 400:  # this checkpoint does not know the tag
        assert all("Sichuan" in refusal(answer)["message"] for answer in by_name)
    else:
        assert by_name[0].content == by_name[1].content == by_name[2].content != plain


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"dialect": "Klingon"}, "dialect"),
        ({"speaker": "nobody"}, "speaker"),
        ({"speaker": "../anna"}, "speaker"),
        ({"text": " "}, "text"),
        ({"text": "<|nonsense|>"}, "text"),
        ({"volume": "1"}, "volume"),
    ],
)
def test_the_form_of_the_source_is_checked_too(
    server: Server, fields: dict[str, str], param: str
) -> None:
    assert refusal(tts(server, **fields))["param"] == param
