"""Pulls from a server with ModelScope's interface; what both hubs do is in test_client.py."""

import hashlib
import json
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.hub_server import LoopbackHub, running_hub
from support.pulling import PATIENT, pull, start_pull

from podtts.hub.client import HubFile, HubName, download_file
from podtts.hub.model_scope import ModelScope
from podtts.hub.pull_record import read_record
from podtts.hub.registry import ModelSource, PinnedFile

_REPO = "some-lab/Small-Podcast"
_WEIGHTS = bytes(range(256)) * 8000
_FILES = {
    ".gitattributes": b"",
    "campplus.onnx": b"speaker encoder",
    "config.json": b"{}",
    "flow.pt": b"flow",
    "hift.pt": b"vocoder",
    "model.safetensors": _WEIGHTS,
    "soulxpodcast_config.json": b"{}",
    "tokenizer.json": b"{}",
}
_TOKENIZER = PinnedFile(
    "another-lab/Small-Tokenizer", "speech_tokenizer_v2.onnx", hashlib.sha256(b"aaa").hexdigest()
)
_SOURCE = ModelSource("small-podcast", _REPO, "Apache-2.0", _TOKENIZER)


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with running_hub() as hub:
        hub.publish(_REPO, _FILES)
        hub.publish(_TOKENIZER.repo, {_TOKENIZER.path: b"aaa"})
        yield hub


def test_a_pull_has_the_needed_files_and_says_where_they_are_from(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    commit = hub.publish(_REPO, _FILES)
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub="modelscope")
    assert (outcome.problem, outcome.revision, outcome.noise) == ("", commit, "")
    folder = tmp_path / "small-podcast"
    here = {path.name for path in folder.iterdir()}
    assert here == {*_FILES, _TOKENIZER.path, "podtts_pull.json"} - {".gitattributes"}
    assert (folder / "model.safetensors").read_bytes() == _WEIGHTS
    record = read_record(folder)
    assert record is not None
    assert (record.hub, record.commits[_REPO]) == ("modelscope", commit)

    hub.forget_requests()
    assert pull(hub.endpoint, _SOURCE, tmp_path, hub="modelscope").already_here
    assert not hub.served_bytes


def test_a_killed_pull_continues_with_the_commit_that_it_began(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    began = hub.publish(_REPO, _FILES)
    hub.faults.hold["model.safetensors"] = 1_500_000
    process = start_pull(hub.endpoint, _SOURCE, tmp_path, hub="modelscope")
    assert process.stdout is not None
    for line in process.stdout:
        report = json.loads(line)
        if report["total_bytes"] - report["done_bytes"] < 1_000_000:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    hub.faults.hold.clear()
    hub.released.set()

    hub.publish(_REPO, {**_FILES, "model.safetensors": _WEIGHTS + b"new"})
    hub.forget_requests()
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub="modelscope")
    assert (outcome.problem, outcome.revision) == ("", began)
    assert 0 < hub.served_bytes["model.safetensors"] < 1_000_000


@pytest.mark.parametrize(
    ("first", "second"), [("huggingface", "modelscope"), ("modelscope", "huggingface")]
)
def test_a_pull_from_the_other_hub_downloads_no_large_file_again(
    hub: LoopbackHub, tmp_path: Path, first: HubName, second: HubName
) -> None:
    pull(hub.endpoint, _SOURCE, tmp_path, hub=first)
    hub.forget_requests()
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub=second)
    assert (outcome.problem, outcome.already_here) == ("", False)
    assert "model.safetensors" not in hub.served_bytes
    record = read_record(tmp_path / "small-podcast")
    assert record is not None
    assert record.hub == second


def test_a_damaged_file_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.faults.damage.add("flow.pt")
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub="modelscope")
    assert outcome.problem.startswith(f"flow.pt of {_REPO} arrived damaged: SHA-256 is ")
    assert not (tmp_path / "small-podcast").exists()


def test_another_speech_tokenizer_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.publish(_TOKENIZER.repo, {_TOKENIZER.path: b"bbb"})
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub="modelscope")
    assert f"now has another {_TOKENIZER.path}" in outcome.problem
    assert "MODELSCOPE_ENDPOINT" in outcome.hint


def test_a_listing_without_digests_is_refused(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.faults.names_only = True
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub="modelscope")
    assert outcome.problem.startswith(f"{hub.endpoint} does not state size and checksum of")


def test_the_branch_main_of_the_other_hub_is_unknown(hub: LoopbackHub, tmp_path: Path) -> None:
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub="modelscope", revision="main")
    assert outcome.problem == f"{_REPO} has no revision main"


def test_offline_mode_holds_here_too(hub: LoopbackHub, tmp_path: Path) -> None:
    offline = {"HF_HUB_OFFLINE": "1"}
    outcome = pull(hub.endpoint, _SOURCE, tmp_path, hub="modelscope", environment=offline)
    assert outcome.problem.endswith("HF_HUB_OFFLINE is set")
    assert not hub.asked


def test_the_token_goes_to_the_hub_alone(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    modelscope = ModelScope(hub.endpoint, token="secret")
    listing = modelscope.list_repo(_REPO, None)
    large = modelscope.listed_file(listing, "model.safetensors")
    download_file(modelscope, listing.commit, large, tmp_path / "part", lambda _: None)
    assert (tmp_path / "part").read_bytes() == _WEIGHTS
    assert hub.tokens == {"api": {"Bearer secret", "m_session_id=secret"}}


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        ({"ShortId": "a" * 8}, "a" * 40),  # the branch's own commit
        ({"ShortId": "c" * 8}, "b" * 40),  # its last commit removed a file: the newest that is left
        (None, "b" * 40),
    ],
)
def test_the_commit_of_a_listing_has_its_files(
    latest: Mapping[str, str] | None, expected: str
) -> None:
    entries = [
        {"Path": path, "Type": "blob", "Size": 1, "Sha256": digest * 64, "Revision": digest * 40}
        | {"CommittedDate": date}
        for path, digest, date in (("one", "a", 5), ("two", "b", 7))
    ]
    data = {"Files": entries, "LatestCommitter": latest}
    listing = ModelScope()._listing(_REPO, None, data)
    assert listing.commit == expected
    assert listing.files["two"] == HubFile(_REPO, "two", 1, sha256="b" * 64)
