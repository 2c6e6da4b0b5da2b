"""/health, /ready, /metrics and /v1/models, and the checks before anything is loaded."""

import json
from pathlib import Path

import httpx
import pytest
from serve.conftest import SHORT
from support.commands import run
from support.http_server import Server, running_server

import podtts
from podtts.cli.serve import check_installed
from podtts.errors import UsageError


def test_a_server_says_how_it_is(server: Server) -> None:
    assert server.get("/health").json() == {"status": "alive", "version": podtts.__version__}
    # Balancers ask without wanting an answer's body.
    asked = [httpx.head(f"{server.url}{path}", timeout=60) for path in ("/health", "/ready")]
    assert [answer.status_code for answer in asked] == [200, 200]
    assert server.get("/ready").json() == {"status": "ready", "model": "model", "rows": 2}
    [model] = server.get("/v1/models").json()["data"]
    assert (model["id"], model["object"]) == ("model", "model")


def test_the_figures_are_those_of_the_requests(server: Server) -> None:
    done = 'podtts_requests_total{endpoint="/v1/audio/speech",outcome="done"}'
    refused = 'podtts_requests_total{endpoint="/v1/audio/speech",outcome="refused"}'
    names = (done, refused, "podtts_first_audio_seconds_count", "podtts_audio_seconds_total")
    before = [server.figure(name) for name in names]
    sound = server.speak().content
    server.speak(voice="nobody")
    after = [server.figure(name) for name in names]
    grown = [now - then for now, then in zip(after, before, strict=True)]
    assert grown[:3] == [1, 1, 1]
    assert grown[3] == pytest.approx(len(sound) / 48_000)
    assert server.figure("podtts_rows") == 2
    assert server.figure("podtts_rows_in_use") == 0
    assert 0 < server.figure("podtts_voice_states_bytes") <= 1024e6
    assert server.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_other_names_of_voices_and_of_the_model(prepared: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.json"
    names.write_text(json.dumps({"voices": {"alloy": "ben", "女声1": "anna"}, "models": ["tts-1"]}))
    flags = (*SHORT, "--cache-dir", prepared, "--names", names)
    with running_server(tmp_path / "log", *flags) as server:
        assert (
            server.speak(voice="alloy", model="tts-1").content == server.speak(voice="ben").content
        )
        assert server.speak(voice="女声1").content == server.speak(voice="anna").content
        assert server.speak(voice="nova").status_code == 400
        assert [model["id"] for model in server.get("/v1/models").json()["data"]] == [
            "model",
            "tts-1",
        ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "no JSON"),
        ("[]", "its keys are not"),
        ('{"voice": {}}', "its keys are not"),
        ('{"voices": []}', "no object"),
        ('{"models": {}}', "no list"),
        ('{"voices": {"alloy": 1}}', "no string"),
        ('{"voices": {"alloy": "nobody"}}', "not prepared"),
    ],
)
def test_a_file_of_names_is_checked_before_the_model_is_loaded(
    content: str, words: str, prepared: Path, tmp_path: Path
) -> None:
    names = tmp_path / "names.json"
    names.write_text(content)
    result = run("serve", *SHORT, "--cache-dir", prepared, "--names", names, "--check")
    assert result.code == 3
    assert words in result.error


def test_check_says_that_nothing_is_wrong(prepared: Path) -> None:
    result = run("serve", *SHORT, "--cache-dir", prepared, "--check").done()
    assert result.said[-1].endswith("nothing is wrong")


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "uvicorn" else find(name))
    with pytest.raises(UsageError, match=r"needs uvicorn .*pip install 'podtts\[serve\]'"):
        check_installed()
