"""Downloads from both kinds of hub: broken connections, refusals, incomplete listings."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hub_server import LoopbackHub, running_hub
from support.pulling import Outcome, pull

from podtts.hub.client import RETRY_WAITS_SECONDS, HubName
from podtts.hub.registry import ModelSource, PinnedFile

_REPO = "some-lab/Small-Podcast"
_WEIGHTS = random.Random(2).randbytes(1_500_000)
_FILES = {
    "campplus.onnx": b"speaker encoder",
    "config.json": b"{}",
    "flow.pt": b"flow",
    "hift.pt": b"vocoder",
    "model.safetensors": _WEIGHTS,
    "podtts.json": b"",
    "soulxpodcast_config.json": b"{}",
    "tokenizer.json": b"{}",
}
_SOURCE = ModelSource(
    name="small-podcast",
    repo=_REPO,
    licence="Apache-2.0",
    speech_tokenizer=PinnedFile(
        "another-lab/Small-Tokenizer",
        "speech_tokenizer_v2.onnx",
        "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0",  # of b"aaa"
    ),
)


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with running_hub() as hub:
        hub.publish(_REPO, _FILES)
        hub.publish("another-lab/Small-Tokenizer", {"speech_tokenizer_v2.onnx": b"aaa"})
        yield hub


@pytest.fixture(params=["huggingface", "modelscope"])
def kind(request: pytest.FixtureRequest) -> HubName:
    name: HubName = request.param
    return name


def _assert_pulled(outcome: Outcome) -> None:
    assert outcome.problem == ""
    assert outcome.path is not None
    assert (outcome.path / "model.safetensors").read_bytes() == _WEIGHTS


def test_a_broken_transfer_is_resumed(hub: LoopbackHub, kind: HubName, tmp_path: Path) -> None:
    hub.faults.cut["model.safetensors"] = 1_000_000
    _assert_pulled(pull(hub.endpoint, _SOURCE, tmp_path, hub=kind))
    assert hub.asked["model.safetensors"] == 2
    assert hub.served_bytes["model.safetensors"] < 1_800_000


def test_a_server_without_ranges_sends_the_file_again(
    hub: LoopbackHub, kind: HubName, tmp_path: Path
) -> None:
    hub.faults.cut["model.safetensors"] = 1_000_000
    hub.faults.no_ranges = True
    _assert_pulled(pull(hub.endpoint, _SOURCE, tmp_path, hub=kind))
    assert hub.served_bytes["model.safetensors"] == 1_000_000 + len(_WEIGHTS)


def test_a_server_with_a_shorter_file_sends_it_again(
    hub: LoopbackHub, kind: HubName, tmp_path: Path
) -> None:
    hub.faults.cut["model.safetensors"] = 1_000_000
    hub.faults.statuses["model.safetensors"] = [200, 416]
    hub.faults.statuses["flow.pt"] = [416]  # although nothing of it was downloaded
    _assert_pulled(pull(hub.endpoint, _SOURCE, tmp_path, hub=kind))
    assert hub.served_bytes["model.safetensors"] == 1_000_000 + len(_WEIGHTS)


@pytest.mark.parametrize("status", [408, 429, 503])
def test_a_busy_server_is_retried(
    hub: LoopbackHub, kind: HubName, tmp_path: Path, status: int
) -> None:
    hub.faults.cut["model.safetensors"] = 1_000_000
    hub.faults.statuses["model.safetensors"] = [200, status]
    _assert_pulled(pull(hub.endpoint, _SOURCE, tmp_path, hub=kind))
    assert hub.asked["model.safetensors"] == 3


def test_a_server_that_keeps_failing_is_reported(
    hub: LoopbackHub, kind: HubName, tmp_path: Path
) -> None:
    hub.faults.statuses["flow.pt"] = [500] * 99
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub=kind)
    assert outcome.problem == f"{hub.endpoint} answers with status 500 for {_REPO}"
    assert "run the same command again" in outcome.hint
    assert hub.asked["flow.pt"] == len(RETRY_WAITS_SECONDS)


def test_sizes_and_digests_are_requested_from_a_mirror_that_lists_only_names(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    hub.faults.names_only = True
    _assert_pulled(pull(hub.endpoint, _SOURCE, tmp_path))
    hub.faults.damage.add("config.json")
    again = ModelSource("again", _REPO, "Apache-2.0", _SOURCE.speech_tokenizer)
    assert "config.json" in pull(hub.endpoint, again, tmp_path).problem


def test_an_unknown_repository_is_reported(hub: LoopbackHub, kind: HubName, tmp_path: Path) -> None:
    source = ModelSource("none", "some-lab/None", "Apache-2.0", _SOURCE.speech_tokenizer)
    outcome = pull(hub.endpoint, source, tmp_path, hub=kind)
    assert outcome.problem == f"{hub.endpoint} has no repository some-lab/None"
    assert not (tmp_path / "none.partial").exists()


def test_an_unknown_revision_is_reported(hub: LoopbackHub, kind: HubName, tmp_path: Path) -> None:
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub=kind, revision="v9")
    assert outcome.problem == f"{_REPO} has no revision v9"


@pytest.mark.parametrize(
    ("kind", "variable"), [("huggingface", "HF_TOKEN"), ("modelscope", "MODELSCOPE_API_TOKEN")]
)
def test_a_gated_repository_is_reported_with_a_hint(
    hub: LoopbackHub, tmp_path: Path, kind: HubName, variable: str
) -> None:
    hub.faults.gated.add(_REPO)
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub=kind)
    assert f"denies access to {_REPO} (403)" in outcome.problem
    assert variable in outcome.hint


@pytest.mark.parametrize(
    ("kind", "variable"), [("huggingface", "HF_ENDPOINT"), ("modelscope", "MODELSCOPE_ENDPOINT")]
)
def test_an_unreachable_hub_is_reported(tmp_path: Path, kind: HubName, variable: str) -> None:
    with socket.socket() as silent:  # keeps the port, so that no other program gets it
        silent.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        outcome = pull(endpoint, _SOURCE, tmp_path, hub=kind)
    assert outcome.problem.startswith(f"cannot reach {endpoint} for {_REPO}: ")
    assert variable in outcome.hint


def test_a_server_that_is_not_a_hub_is_reported(
    hub: LoopbackHub, kind: HubName, tmp_path: Path
) -> None:
    hub.faults.no_hub = True
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub=kind)
    assert outcome.problem == f"{hub.endpoint} answers, but not with a listing of {_REPO}"
