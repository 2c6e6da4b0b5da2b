"""Pulls from a test hub on loopback; every pull runs in a process of its own."""

import hashlib
import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hub_server import LoopbackHub, running_hub
from support.pulling import pull, start_pull

from podtts import __version__
from podtts.hub.registry import ModelSource, PinnedFile, find_source
from podtts.weights.files import missing_files

_REPO = "some-lab/Small-Podcast"
_TOKENIZER_REPO = "another-lab/Small-Tokenizer"
_TOKENIZER = random.Random(1).randbytes(50_000)
_WEIGHTS = random.Random(2).randbytes(3_000_000)  # the largest file, so it is the last one
_FILES = {
    ".gitattributes": b"*.pt filter=lfs",
    "README.md": b"# a model",
    "campplus.onnx": b"speaker encoder",
    "config.json": b'{"hidden_size": 8}',
    "flow.pt": random.Random(3).randbytes(400_000),
    "generation_config.json": b"{}",
    "hift.pt": random.Random(4).randbytes(90_000),
    "model.safetensors": _WEIGHTS,
    "soulxpodcast_config.json": b'{"eos_token_id": 3}',
    "tokenizer.json": b'{"model": {}}',
}
_WANTED = set(_FILES) - {".gitattributes"} | {"speech_tokenizer_v2.onnx"}
_SOURCE = ModelSource(
    name="small-podcast",
    repo=_REPO,
    licence="Apache-2.0",
    speech_tokenizer=PinnedFile(
        _TOKENIZER_REPO, "speech_tokenizer_v2.onnx", hashlib.sha256(_TOKENIZER).hexdigest()
    ),
)


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    with running_hub() as hub:
        hub.publish(_REPO, _FILES)
        hub.publish(_TOKENIZER_REPO, {"speech_tokenizer_v2.onnx": _TOKENIZER, "llm.pt": b"other"})
        yield hub


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


def _kill_in_the_middle(hub: LoopbackHub, models_dir: Path, revision: str | None = None) -> None:
    """Pull until two of three megabytes of the last file are downloaded, then kill the process."""
    hub.faults.hold["model.safetensors"] = 2_500_000
    process = start_pull(hub.endpoint, _SOURCE, models_dir, revision=revision)
    assert process.stdout is not None
    for line in process.stdout:
        report = json.loads(line)
        left_bytes = report["total_bytes"] - report["done_bytes"]
        if report["file"] == "model.safetensors" and left_bytes < 1e6:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    hub.faults.hold.clear()
    hub.released.set()


def _assert_complete(folder: Path, weights: bytes = _WEIGHTS) -> None:
    assert {path.name for path in folder.iterdir()} == _WANTED | {"podtts_pull.json"}
    assert (folder / "model.safetensors").read_bytes() == weights
    assert (folder / "speech_tokenizer_v2.onnx").read_bytes() == _TOKENIZER
    assert (folder / "config.json").read_bytes() == _FILES["config.json"]


def test_a_pulled_folder_has_the_needed_files_and_their_record(
    hub: LoopbackHub, models_dir: Path
) -> None:
    commit = hub.publish(_REPO, _FILES)
    tokenizer_commit = hub.find(_TOKENIZER_REPO, "main")
    assert tokenizer_commit is not None
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    assert outcome.problem == ""
    assert (outcome.path, outcome.revision) == (models_dir / "small-podcast", commit)
    assert not outcome.already_here
    assert outcome.noise == ""
    _assert_complete(models_dir / "small-podcast")
    assert not (models_dir / "small-podcast.partial").exists()

    record = json.loads((models_dir / "small-podcast" / "podtts_pull.json").read_text())
    files = {file.pop("path"): file for file in record.pop("files")}
    assert record == {
        "format": 1,
        "name": "small-podcast",
        "repo": _REPO,
        "asked_revision": None,
        "commits": {_REPO: commit, _TOKENIZER_REPO: tokenizer_commit[0]},
        "licence": "Apache-2.0",
        "podtts": __version__,
    }
    assert set(files) == _WANTED
    for name in _WANTED - {"speech_tokenizer_v2.onnx"}:
        assert files[name]["size"] == len(_FILES[name])
        assert files[name]["sha256"] == hashlib.sha256(_FILES[name]).hexdigest()
    assert files["speech_tokenizer_v2.onnx"]["repo"] == _TOKENIZER_REPO


def test_all_files_that_loading_needs_are_pulled(hub: LoopbackHub, models_dir: Path) -> None:
    golden = Path(__file__).resolve().parents[1] / "golden" / "model"
    hub.publish("some-lab/Golden", golden)
    hub.publish("another-lab/Golden", golden)
    tokenizer = hashlib.sha256((golden / "speech_tokenizer_v2.onnx").read_bytes()).hexdigest()
    pinned = PinnedFile("another-lab/Golden", "speech_tokenizer_v2.onnx", tokenizer)
    source = ModelSource("golden", "some-lab/Golden", "Apache-2.0", pinned)
    outcome = pull(hub.endpoint, source, models_dir)
    assert outcome.problem == ""
    assert missing_files(models_dir / "golden") == []
    assert (models_dir / "golden" / "podtts.json").exists()


def test_progress_moves_within_a_file_and_ends_at_the_total(
    hub: LoopbackHub, models_dir: Path
) -> None:
    steps = pull(hub.endpoint, _SOURCE, models_dir).progress
    total = sum(len(_FILES[name]) for name in _WANTED & set(_FILES)) + len(_TOKENIZER)
    assert {step.total_bytes for step in steps} == {total}
    done = [step.done_bytes for step in steps]
    assert done == sorted(done)
    assert done[-1] == total
    weights = [step for step in steps if step.file == "model.safetensors"]
    assert [step.step for step in weights].count("downloading") > 5
    assert weights[-1].step == "checking"


def test_a_second_pull_downloads_nothing(hub: LoopbackHub, models_dir: Path) -> None:
    first = pull(hub.endpoint, _SOURCE, models_dir)
    hub.forget_requests()
    second = pull(hub.endpoint, _SOURCE, models_dir)
    assert second.already_here
    assert (second.path, second.revision) == (first.path, first.revision)
    assert dict(hub.asked) == {f"api/{_REPO}": 1}


def test_a_killed_pull_is_resumed_within_the_file(hub: LoopbackHub, models_dir: Path) -> None:
    _kill_in_the_middle(hub, models_dir)
    assert not (models_dir / "small-podcast").exists()
    hub.forget_requests()
    assert pull(hub.endpoint, _SOURCE, models_dir).problem == ""
    _assert_complete(models_dir / "small-podcast")
    assert dict(hub.asked) == {"model.safetensors": 1}
    assert hub.served_bytes["model.safetensors"] < 1_000_000


def test_a_killed_pull_is_resumed_with_the_same_commit(hub: LoopbackHub, models_dir: Path) -> None:
    first = hub.publish(_REPO, _FILES)
    _kill_in_the_middle(hub, models_dir)
    newer_weights = _WEIGHTS[::-1]
    newer = hub.publish(_REPO, _FILES | {"model.safetensors": newer_weights})
    assert pull(hub.endpoint, _SOURCE, models_dir).revision == first != newer
    _assert_complete(models_dir / "small-podcast")

    hub.forget_requests()
    updated = pull(hub.endpoint, _SOURCE, models_dir)
    assert (updated.revision, updated.already_here) == (newer, False)
    _assert_complete(models_dir / "small-podcast", newer_weights)
    assert not hub.asked["flow.pt"]  # linked from the older revision, where it is the same
    assert {path.name for path in models_dir.iterdir() if not path.name.startswith(".")} == {
        "small-podcast"
    }


def test_another_revision_discards_the_unfinished_download(
    hub: LoopbackHub, models_dir: Path
) -> None:
    older = hub.publish(_REPO, _FILES)
    hub.publish(_REPO, _FILES | {"model.safetensors": _WEIGHTS[::-1], "podtts.json": b"{}"})
    _kill_in_the_middle(hub, models_dir)
    assert (models_dir / "small-podcast.partial" / "podtts.json").exists()
    hub.faults.damage.add("model.safetensors")
    assert pull(hub.endpoint, _SOURCE, models_dir, revision=older).problem != ""
    assert not list((models_dir / "small-podcast.partial" / ".parts").iterdir())
    hub.faults.damage.clear()
    assert pull(hub.endpoint, _SOURCE, models_dir, revision=older).revision == older
    _assert_complete(models_dir / "small-podcast")


def test_the_next_call_replaces_a_plan_whose_commit_is_gone(
    hub: LoopbackHub, models_dir: Path
) -> None:
    gone = hub.publish(_REPO, _FILES)
    _kill_in_the_middle(hub, models_dir)
    present = hub.publish(_REPO, _FILES | {"README.md": b"# rewritten"})
    hub.forget(_REPO, gone)
    refused = pull(hub.endpoint, _SOURCE, models_dir)
    assert refused.problem == f"{_REPO} no longer has model.safetensors at {gone}"
    hub.forget_requests()
    assert pull(hub.endpoint, _SOURCE, models_dir).revision == present
    assert not hub.asked["flow.pt"]
    assert hub.served_bytes["model.safetensors"] < 1_000_000  # the same file in both commits


@pytest.mark.parametrize(
    ("name", "digest"),
    [("model.safetensors", "SHA-256"), ("config.json", "git blob id")],
)
def test_a_damaged_file_is_refused_and_downloaded_again_by_the_next_call(
    hub: LoopbackHub, models_dir: Path, name: str, digest: str
) -> None:
    hub.faults.damage.add(name)
    damaged = pull(hub.endpoint, _SOURCE, models_dir)
    content = _FILES[name]
    expected = (
        hashlib.sha256(content)
        if name == "model.safetensors"
        else hashlib.sha1(b"blob %d\0" % len(content) + content)
    ).hexdigest()
    assert damaged.problem.startswith(f"{name} of {_REPO} arrived damaged: {digest} is ")
    assert damaged.problem.endswith(f", expected {expected}")
    assert "run the same command again" in damaged.hint
    assert not (models_dir / "small-podcast").exists()

    hub.faults.damage.clear()
    hub.forget_requests()
    assert pull(hub.endpoint, _SOURCE, models_dir).problem == ""
    _assert_complete(models_dir / "small-podcast")
    assert hub.asked[name] == 1
    assert not hub.asked["generation_config.json"]


def test_a_file_longer_than_listed_is_refused(hub: LoopbackHub, models_dir: Path) -> None:
    hub.faults.listed_size["model.safetensors"] = 200_000
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    assert outcome.problem.startswith(f"model.safetensors of {_REPO} arrived damaged: size is ")
    assert outcome.problem.endswith(", expected 200000 bytes")
    assert str(len(_WEIGHTS)) not in outcome.problem  # the rest was not downloaded


def test_a_file_damaged_on_the_disk_is_downloaded_again(hub: LoopbackHub, models_dir: Path) -> None:
    _kill_in_the_middle(hub, models_dir)
    flow = models_dir / "small-podcast.partial" / "flow.pt"
    flow.write_bytes(flow.read_bytes()[::-1])
    hub.forget_requests()
    assert pull(hub.endpoint, _SOURCE, models_dir).problem == ""
    assert (models_dir / "small-podcast" / "flow.pt").read_bytes() == _FILES["flow.pt"]
    assert set(hub.asked) == {"flow.pt", "model.safetensors"}


def test_a_model_that_lost_a_file_is_completed(hub: LoopbackHub, models_dir: Path) -> None:
    folder = pull(hub.endpoint, _SOURCE, models_dir).path
    assert folder is not None
    (folder / "flow.pt").unlink()
    hub.forget_requests()
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    assert not outcome.already_here
    _assert_complete(folder)
    assert hub.asked["flow.pt"] == 1
    assert not hub.asked["model.safetensors"]


def test_a_speech_tokenizer_of_another_digest_is_refused_before_the_download(
    tmp_path: Path,
) -> None:
    source = find_source("soulx-podcast-1.7b")
    with running_hub() as hub:
        hub.publish(source.repo, _FILES)
        hub.publish(source.speech_tokenizer.repo, {"speech_tokenizer_v2.onnx": _TOKENIZER})
        outcome = pull(hub.endpoint, source, tmp_path)
        assert not hub.served_bytes
    assert "FunAudioLLM/CosyVoice2-0.5B now has another speech_tokenizer_v2.onnx" in outcome.problem
    assert hashlib.sha256(_TOKENIZER).hexdigest() in outcome.problem
    assert source.speech_tokenizer.sha256 in outcome.problem
    assert not (tmp_path / source.name).exists()


def test_a_speech_tokenizer_whose_content_does_not_match_is_refused(
    tmp_path: Path,
) -> None:
    source = find_source("soulx-podcast-1.7b")
    known = source.speech_tokenizer.sha256
    with running_hub() as hub:
        hub.publish(source.repo, _FILES)
        hub.publish(source.speech_tokenizer.repo, {"speech_tokenizer_v2.onnx": _TOKENIZER})
        hub.faults.listed_sha256["speech_tokenizer_v2.onnx"] = known
        outcome = pull(hub.endpoint, source, tmp_path)
    assert outcome.problem == (
        "speech_tokenizer_v2.onnx of FunAudioLLM/CosyVoice2-0.5B arrived damaged: SHA-256 is "
        f"{hashlib.sha256(_TOKENIZER).hexdigest()}, expected {known}"
    )
    assert not (tmp_path / source.name).exists()


def test_a_speech_tokenizer_without_a_listed_sha256_is_checked(
    hub: LoopbackHub, models_dir: Path
) -> None:
    other = {"speech_tokenizer_v2.onnx": _TOKENIZER[::-1]}
    hub.publish(_TOKENIZER_REPO, other, large=())
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    assert outcome.problem.startswith("speech_tokenizer_v2.onnx of ")
    assert outcome.problem.endswith(f", expected {_SOURCE.speech_tokenizer.sha256}")
    hub.publish(_TOKENIZER_REPO, {"speech_tokenizer_v2.onnx": _TOKENIZER}, large=())
    assert pull(hub.endpoint, _SOURCE, models_dir).problem == ""
    _assert_complete(models_dir / "small-podcast")


def test_a_second_model_shares_the_files_of_the_first(hub: LoopbackHub, models_dir: Path) -> None:
    pull(hub.endpoint, _SOURCE, models_dir)
    hub.publish("some-lab/Dialect", _FILES | {"model.safetensors": _WEIGHTS[::-1]})
    dialect = ModelSource(
        "small-dialect", "some-lab/Dialect", "Apache-2.0", _SOURCE.speech_tokenizer
    )
    hub.forget_requests()
    assert pull(hub.endpoint, dialect, models_dir).problem == ""
    _assert_complete(models_dir / "small-dialect", _WEIGHTS[::-1])
    assert not hub.asked["speech_tokenizer_v2.onnx"]
    assert not hub.asked["flow.pt"]


def test_a_damaged_copy_in_another_model_is_not_shared(hub: LoopbackHub, models_dir: Path) -> None:
    pull(hub.endpoint, _SOURCE, models_dir)
    flow = models_dir / "small-podcast" / "flow.pt"
    flow.write_bytes(flow.read_bytes()[::-1])
    other = ModelSource("other", _REPO, "Apache-2.0", _SOURCE.speech_tokenizer)
    pull(hub.endpoint, other, models_dir)
    assert (models_dir / "other" / "flow.pt").read_bytes() == _FILES["flow.pt"]


def test_a_repository_that_lacks_a_file_is_refused(hub: LoopbackHub, models_dir: Path) -> None:
    hub.publish(_REPO, {name: content for name, content in _FILES.items() if name != "hift.pt"})
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    assert outcome.problem == f"{_REPO} lacks hift.safetensors or hift.pt"
    assert not (models_dir / "small-podcast.partial").exists()


def test_a_missing_speech_tokenizer_is_reported(hub: LoopbackHub, models_dir: Path) -> None:
    hub.publish(_TOKENIZER_REPO, {"llm.pt": b"other"})
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    assert outcome.problem == f"{_TOKENIZER_REPO} lacks speech_tokenizer_v2.onnx"


def test_a_folder_that_was_not_pulled_is_not_replaced(hub: LoopbackHub, models_dir: Path) -> None:
    (models_dir / "small-podcast").mkdir(parents=True)
    (models_dir / "small-podcast" / "mine.txt").write_text("mine")
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    assert "was not pulled by podtts" in outcome.problem
    assert (models_dir / "small-podcast" / "mine.txt").read_text() == "mine"


def test_a_second_pull_at_the_same_time_is_refused(hub: LoopbackHub, models_dir: Path) -> None:
    hub.faults.hold["model.safetensors"] = 1_000_000
    first = start_pull(hub.endpoint, _SOURCE, models_dir)
    assert first.stdout is not None
    first.stdout.readline()
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    hub.faults.hold.clear()
    hub.released.set()
    first.communicate()
    assert outcome.problem == f"another podtts is pulling small-podcast into {models_dir}"
    _assert_complete(models_dir / "small-podcast")


def test_offline_only_a_pulled_model_is_available(hub: LoopbackHub, models_dir: Path) -> None:
    offline = {"HF_HUB_OFFLINE": "1"}
    refused = pull(hub.endpoint, _SOURCE, models_dir, environment=offline)
    assert "HF_HUB_OFFLINE is set" in refused.problem
    assert not hub.asked
    pulled = pull(hub.endpoint, _SOURCE, models_dir)
    again = pull(hub.endpoint, _SOURCE, models_dir, environment=offline)
    assert again.already_here
    assert again.revision == pulled.revision
    other = pull(hub.endpoint, _SOURCE, models_dir, revision="f" * 40, environment=offline)
    assert "HF_HUB_OFFLINE is set" in other.problem


def test_too_little_space_is_reported_before_the_download(
    hub: LoopbackHub, models_dir: Path
) -> None:
    hub.faults.listed_size["model.safetensors"] = 10**18
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    assert outcome.problem.startswith("small-podcast needs 1000000000.")
    assert "make room there" in outcome.hint
    assert not hub.served_bytes


def test_a_full_disk_is_reported(hub: LoopbackHub, models_dir: Path) -> None:
    _kill_in_the_middle(hub, models_dir)
    [part] = (models_dir / "small-podcast.partial" / ".parts").iterdir()
    part.unlink()
    part.symlink_to("/dev/full")  # every write fails with "no space left on device"
    outcome = pull(hub.endpoint, _SOURCE, models_dir)
    assert outcome.problem == f"the disk of {models_dir} is full"
    assert not (models_dir / "small-podcast").exists()


def test_an_unusable_models_folder_is_reported(hub: LoopbackHub, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    outcome = pull(hub.endpoint, _SOURCE, tmp_path / "models")
    assert outcome.problem.startswith(f"cannot use {tmp_path / 'models'}: ")


def test_an_update_killed_between_the_renames_is_finished(
    hub: LoopbackHub, models_dir: Path
) -> None:
    pulled = pull(hub.endpoint, _SOURCE, models_dir).path
    assert pulled is not None
    (models_dir / "small-podcast.replaced").mkdir()
    pulled.rename(models_dir / "small-podcast.partial")
    hub.forget_requests()
    assert pull(hub.endpoint, _SOURCE, models_dir).path == pulled
    _assert_complete(pulled)
    assert not hub.asked
    assert not (models_dir / "small-podcast.replaced").exists()
