from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import run, run_script
from support.golden_data import MODEL
from support.hub_server import LoopbackHub, running_hub
from support.pulling import PATIENT

from podtts.hub.registry import find_source, recognizer_names

NAME = "soulx-podcast-1.7b"
SMALL = "small-podcast"
TOKENIZER = "speech_tokenizer_v2.onnx"

# The published speech tokenizer, which no test can have, is known by its digest; a model of the
# tests is published with a digest of its own.
PULL_SMALL = f"""
import hashlib, sys
from podtts.hub import registry
tokenizer = registry.PinnedFile(
    "some-lab/Tokenizer", "{TOKENIZER}",
    hashlib.sha256(open({str(MODEL / TOKENIZER)!r}, "rb").read()).hexdigest(),
)
registry.REGISTRY += (
    registry.ModelSource("{SMALL}", "some-lab/Small", "Apache-2.0", tokenizer),
)
from podtts.cli.app import main
main()
"""


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with running_hub() as hub:
        files = {path.name: path.read_bytes() for path in MODEL.iterdir()}
        tokenizer = {TOKENIZER: files.pop(TOKENIZER)}
        hub.publish("some-lab/Small", files)
        hub.publish("some-lab/Tokenizer", tokenizer)
        hub.publish(find_source(NAME).repo, files)
        hub.publish(find_source(NAME).speech_tokenizer.repo, tokenizer)
        yield hub


def online(hub: LoopbackHub) -> dict[str, str]:
    own = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
    return PATIENT | own


def test_ls_lists_the_published_models() -> None:
    lines = run("model", "ls").done().lines
    assert lines[0].split()[:2] == ["mini", "bundled"]
    names = (NAME, f"{NAME}-dialect", *recognizer_names())
    assert [line.split() for line in lines[1:]] == [[name, "absent"] for name in names]
    rows = run("model", "ls", "--json").done().json[1:]
    assert rows[0] == {
        "name": NAME,
        "state": "absent",
        "path": None,
        "revision": None,
        "bytes": 0,
        "total_bytes": None,
    }


def test_path_of_all_models_is_of_the_environment_or_the_user(tmp_path: Path, home: Path) -> None:
    (default,) = run("model", "path").done().lines
    assert Path(default).is_relative_to(home)
    named = {"PODTTS_MODELS_DIR": str(tmp_path)}
    assert run("model", "path", env=named).done().lines == [str(tmp_path)]


def test_path_of_a_missing_model_says_how_to_pull_it() -> None:
    result = run("model", "path", NAME)
    assert result.code == 4
    assert result.error.endswith(f"run: podtts model pull {NAME}")


@pytest.mark.parametrize("command", ["path", "pull"])
def test_an_unknown_name_suggests_the_nearest(command: str) -> None:
    result = run("model", command, "soulx-podcast-17b")
    assert result.code == 4
    assert f"did you mean {NAME}?" in result.error


def test_pull_without_a_network_is_one_line() -> None:
    result = run("model", "pull", NAME)  # tests are offline
    assert result.code == 4
    assert "HF_HUB_OFFLINE" in result.error


def test_a_pulled_model_is_found_by_its_name(hub: LoopbackHub, tmp_path: Path) -> None:
    models = {"PODTTS_MODELS_DIR": str(tmp_path)}
    pulled = run_script(PULL_SMALL, "model", "pull", SMALL, env=models | online(hub)).done()
    assert pulled.lines == [str(tmp_path / SMALL)]
    assert f"{SMALL} is here: 0.01 GB, revision " in pulled.stderr
    for path in MODEL.iterdir():
        assert (tmp_path / SMALL / path.name).read_bytes() == path.read_bytes()
    hub.forget_requests()

    again = run_script(PULL_SMALL, "model", "pull", SMALL, env=models | online(hub)).done()
    assert again.lines == pulled.lines
    assert "is already here" in again.stderr
    assert not hub.served_bytes

    assert run("model", "path", SMALL, env=models).done().lines == pulled.lines
    (row,) = [row for row in run("model", "ls", "--json", env=models).json if row["name"] == SMALL]
    assert row["state"] == "pulled"
    assert row["path"] == str(tmp_path / SMALL)
    assert row["total_bytes"] == sum(path.stat().st_size for path in MODEL.iterdir())


def test_a_recognizer_is_pulled_from_one_repository(hub: LoopbackHub, tmp_path: Path) -> None:
    models = {"PODTTS_MODELS_DIR": str(tmp_path)}
    names = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt", "README.md")
    files = {name: name.encode() for name in names}
    hub.publish("Systran/faster-whisper-base", {**files, ".gitattributes": b""})
    pulled = run("model", "pull", "whisper-base", env=models | online(hub)).done()
    assert pulled.lines == [str(tmp_path / "whisper-base")]
    assert "MIT" in pulled.stderr
    here = {path.name for path in (tmp_path / "whisper-base").iterdir()}
    assert here == {*names, "podtts_pull.json"}
    assert {name for name in hub.asked if name.startswith("api/")} == {
        "api/Systran/faster-whisper-base"
    }
    again = run("model", "pull", "whisper-base", env=models | online(hub)).done()
    assert "is already here" in again.stderr
    assert run("model", "path", "whisper-base", env=models).done().lines == pulled.lines


def test_a_copy_of_a_model_is_pulled_from_modelscope(hub: LoopbackHub, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in MODEL.iterdir() if path.name != TOKENIZER}
    hub.publish("me/My-Copy", files)
    names = {"PODTTS_MODELS_DIR": str(tmp_path), "MODELSCOPE_ENDPOINT": hub.endpoint + "/"}
    env = names | online(hub) | {"HF_ENDPOINT": "http://127.0.0.1:9"}
    call = ("model", "pull", SMALL, "--from", "modelscope", "--repo", "me/My-Copy")
    assert run_script(PULL_SMALL, *call, env=env).done().lines == [str(tmp_path / SMALL)]
    again = run_script(PULL_SMALL, *call[:3], *call[5:], env=env | {"PODTTS_HUB": "modelscope"})
    assert "is already here" in again.done().stderr
    assert {"api/me/My-Copy", "api/some-lab/Tokenizer"} <= {*hub.asked}
    assert "api/some-lab/Small" not in hub.asked


def test_an_unknown_hub_or_name_of_a_repository_is_one_line() -> None:
    unknown = run("model", "pull", NAME, "--from", "modelscop")
    assert unknown.code == 2
    assert "unknown hub 'modelscop'; did you mean modelscope?" in unknown.error
    result = run("model", "pull", NAME, "--repo", "https://some.host/me/My-Copy")
    assert result.code == 4
    assert "give it as OWNER/NAME" in result.error


def test_another_speech_tokenizer_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    models = {"PODTTS_MODELS_DIR": str(tmp_path)}
    result = run("model", "pull", NAME, env=models | online(hub))
    assert result.code == 4
    assert TOKENIZER in result.error
    assert not (tmp_path / NAME).exists()
    assert not hub.served_bytes  # the hub's listing was enough


def test_a_converted_checkpoint_synthesizes_the_same_bytes(
    own_model: Path, talk: Path, prepared: Path, episode: bytes, tmp_path: Path
) -> None:
    written = [str(own_model / name) for name in ("flow.safetensors", "hift.safetensors")]
    assert run("model", "convert", own_model).done().lines == written
    for part in ("flow", "hift"):
        (own_model / f"{part}.pt").unlink()
    before = {path.name: path.read_bytes() for path in own_model.iterdir()}

    again = run("model", "convert", own_model).done()
    assert again.lines == []
    assert "nothing to convert" in again.stderr
    assert {path.name: path.read_bytes() for path in own_model.iterdir()} == before

    out = tmp_path / "out.wav"
    flags = ("--model", own_model, "--flow-steps", "2", "--cache-dir", prepared)
    run("synth", talk, "-o", out, *flags).done()
    assert out.read_bytes() == episode
