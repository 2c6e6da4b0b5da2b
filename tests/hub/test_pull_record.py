import json
from pathlib import Path

import pytest

from podtts.errors import ModelError
from podtts.hub.client import HubFile
from podtts.hub.pull_record import RECORD_FILE, PullRecord, has_size, read_record, write_record

_RECORD = PullRecord(
    name="some-model",
    repo="some/repo",
    asked_revision=None,
    commits={"some/repo": "a" * 40, "another/repo": "b" * 40},
    licence="Apache-2.0",
    podtts="0.1.0",
    files=(
        HubFile("some/repo", "config.json", 12, git_sha1="c" * 40),
        HubFile("another/repo", "large.onnx", 34, sha256="d" * 64),
    ),
)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_record(tmp_path, _RECORD)
    assert read_record(tmp_path) == _RECORD
    assert [path.name for path in tmp_path.iterdir()] == [RECORD_FILE]
    assert (_RECORD.revision, _RECORD.total_bytes) == ("a" * 40, 46)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        json.dumps({"format": 1}),
        json.dumps({"format": 1, "files": [{"repo": "r", "path": "p", "size": 1}]}),
        json.dumps({"format": 1, "files": [], "name": "n", "unknown": 1}),
    ],
)
def test_an_invalid_record_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / RECORD_FILE).write_text(content)
    assert read_record(tmp_path) is None


def test_a_record_of_another_format_is_none(tmp_path: Path) -> None:
    write_record(tmp_path, _RECORD)
    record = json.loads((tmp_path / RECORD_FILE).read_text())
    (tmp_path / RECORD_FILE).write_text(json.dumps(record | {"format": 2}))
    assert read_record(tmp_path) is None


def test_a_missing_folder_has_no_record(tmp_path: Path) -> None:
    assert read_record(tmp_path / "nowhere") is None


def test_a_file_without_any_digest_is_refused() -> None:
    with pytest.raises(ModelError, match=r"some/repo: no checksum is known for config\.json"):
        HubFile("some/repo", "config.json", 12)


def test_the_size_of_a_file_is_compared(tmp_path: Path) -> None:
    file = HubFile("some/repo", "config.json", 2, git_sha1="c" * 40)
    assert not has_size(tmp_path / "config.json", file)
    (tmp_path / "config.json").write_text("{}")
    assert has_size(tmp_path / "config.json", file)
    (tmp_path / "config.json").write_text("{ }")
    assert not has_size(tmp_path / "config.json", file)
