from pathlib import Path

import pytest

from podtts.errors import ModelError
from podtts.hub.bundled import bundled_model
from podtts.hub.client import HubFile
from podtts.hub.pull_record import PullRecord, write_record
from podtts.hub.registry import recognizer_names
from podtts.hub.store import list_models, resolve_model, resolve_recognizer
from podtts.weights.files import check_directory

_NAME = "soulx-podcast-1.7b"
_DIALECT = "soulx-podcast-1.7b-dialect"
_COMMIT = "a" * 40


def _put(folder: Path, content: bytes = b"weights", announced_bytes: int = 7) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(content)
    file = HubFile("some/repo", "model.safetensors", announced_bytes, sha256="d" * 64)
    record = PullRecord(
        folder.stem, "some/repo", None, {"some/repo": _COMMIT}, "Apache-2.0", "0.1.0", (file,)
    )
    write_record(folder, record)
    return folder


def test_the_bundled_model_is_first_and_complete(tmp_path: Path) -> None:
    row = list_models(tmp_path)[0]
    assert (row.name, row.state, row.path) == ("mini", "bundled", bundled_model())
    assert resolve_model("mini", tmp_path) == bundled_model()
    assert 15e6 < row.size_bytes < 60e6
    check_directory(bundled_model())


def test_every_published_model_has_a_row(tmp_path: Path) -> None:
    rows = list_models(tmp_path / "no such folder")[1:]
    assert [(row.name, row.state, row.path) for row in rows] == [
        (_NAME, "absent", None),
        (_DIALECT, "absent", None),
        *((name, "absent", None) for name in recognizer_names()),
    ]


def test_pulled_unfinished_and_other_models_have_rows(tmp_path: Path) -> None:
    pulled = _put(tmp_path / _NAME)
    partial = _put(tmp_path / f"{_DIALECT}.partial", b"wei")
    other = _put(tmp_path / "another-model")
    _put(tmp_path / "another-model.partial")
    (tmp_path / "holiday pictures").mkdir()
    ears = recognizer_names()
    rows = [row for row in list_models(tmp_path)[1:] if row.name not in ears]
    assert [(row.name, row.state, row.path) for row in rows] == [
        (_NAME, "pulled", pulled),
        (_DIALECT, "partial", partial),
        ("another-model", "pulled", other),
    ]
    assert {row.revision for row in rows} == {_COMMIT}
    assert {row.total_bytes for row in rows} == {7}
    for row, weights in zip(rows, (b"weights", b"wei", b"weights"), strict=True):
        assert row.path is not None
        record_bytes = (row.path / "podtts_pull.json").stat().st_size
        assert row.size_bytes == record_bytes + len(weights)


def test_a_model_copied_by_hand_has_no_revision(tmp_path: Path) -> None:
    (tmp_path / _NAME).mkdir()
    row = list_models(tmp_path)[1]
    assert (row.state, row.revision, row.total_bytes) == ("pulled", None, None)
    assert resolve_model(_NAME, tmp_path) == tmp_path / _NAME


def test_the_name_of_a_pulled_model_is_resolved(tmp_path: Path) -> None:
    pulled = _put(tmp_path / "models" / _NAME)
    assert resolve_model(_NAME, tmp_path / "models") == pulled


def test_a_name_takes_precedence_over_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / _NAME).mkdir()
    with pytest.raises(ModelError):
        resolve_model(_NAME, tmp_path / "models")
    assert resolve_model(f"./{_NAME}", tmp_path / "models") == Path(_NAME)


def test_the_name_of_another_pulled_model_is_resolved(tmp_path: Path) -> None:
    other = _put(tmp_path / "another-model")
    assert resolve_model("another-model", tmp_path) == other


def test_a_directory_is_resolved(tmp_path: Path) -> None:
    assert resolve_model(str(tmp_path), tmp_path / "models") == tmp_path


def test_a_model_that_is_not_pulled_is_reported_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        resolve_model(_NAME, tmp_path)
    assert caught.value.problem == f"{_NAME} is not on this machine"
    assert caught.value.hint == f"run: podtts model pull {_NAME}"


def test_an_unfinished_download_is_reported(tmp_path: Path) -> None:
    folder = _put(tmp_path / f"{_NAME}.partial", announced_bytes=6_100_000_000)
    with (folder / "model.safetensors").open("r+b") as sparse:
        sparse.truncate(1_200_000_000)
    with pytest.raises(ModelError) as caught:
        resolve_model(_NAME, tmp_path)
    assert caught.value.hint == (
        f"its download stopped at 1.2 of 6.1 GB; to continue it, run: podtts model pull {_NAME}"
    )


@pytest.mark.parametrize("value", ["soulx-podcast-1.7", "SoulX-Podcast-1.7B"])
def test_an_unknown_name_gets_a_suggestion(tmp_path: Path, value: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve_model(value, tmp_path)
    assert repr(value) in caught.value.problem
    assert f"did you mean {_NAME}?" in caught.value.problem
    assert _DIALECT in caught.value.hint


def test_an_empty_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model or directory is called ''"):
        resolve_model("", tmp_path)


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.touch()
    with pytest.raises(ModelError, match="is a file, not a checkpoint directory"):
        resolve_model(str(file), tmp_path)


def test_a_recognizer_is_found_by_its_name_or_folder(tmp_path: Path) -> None:
    pulled = tmp_path / "models" / "whisper-base"
    with pytest.raises(ModelError) as caught:
        resolve_recognizer("whisper-base", tmp_path / "models")
    assert caught.value.problem == "whisper-base is not on this machine"
    assert caught.value.hint == "run: podtts model pull whisper-base"
    pulled.mkdir(parents=True)
    assert resolve_recognizer("whisper-base", tmp_path / "models") == pulled
    assert resolve_recognizer(str(tmp_path), tmp_path / "models") == tmp_path


@pytest.mark.parametrize("value", ["", "wisper-base", "soulx-podcast-1.7b"])
def test_what_is_no_recognizer_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ModelError) as caught:
        resolve_recognizer(value, tmp_path)
    assert caught.value.problem.startswith(f"no recognizer or folder is called {value!r}")
    assert all(name in caught.value.hint for name in recognizer_names())


def test_a_recognizer_is_no_model_that_speaks(tmp_path: Path) -> None:
    (tmp_path / "whisper-base").mkdir()
    with pytest.raises(ModelError, match="whisper-base hears and does not speak"):
        resolve_model("whisper-base", tmp_path)
