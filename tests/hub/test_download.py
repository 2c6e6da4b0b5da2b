"""Files that need no download; downloads from a hub are in test_pull.py."""

import hashlib
from pathlib import Path

import pytest

from podtts.errors import DiskError
from podtts.hub.client import HubFile
from podtts.hub.download import PARTS_FOLDER, PullProgress, download_files
from podtts.hub.hugging_face import HuggingFace
from podtts.hub.pull_record import PullRecord, write_record

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def record(name: str, file: HubFile) -> PullRecord:
    return PullRecord(name, "some/repo", None, {"some/repo": "a" * 40}, "MIT", "0.1.0", (file,))


def test_a_file_of_an_earlier_call_is_checked_and_kept(tmp_path: Path) -> None:
    partial = tmp_path / "small.partial"
    partial.mkdir()
    (partial / "flow.pt").write_bytes(CONTENT)
    (partial / "old.pt").touch()  # of an earlier plan
    blob = hashlib.sha1(b"blob 7\0" + CONTENT).hexdigest()
    plan = record("small", HubFile("some/repo", "flow.pt", len(CONTENT), git_sha1=blob))
    reports: list[PullProgress] = []
    done = download_files(HuggingFace(), plan, partial, tmp_path, reports.append)
    assert [file.sha256 for file in done.files] == [SHA256]
    assert reports == [PullProgress("checking", "flow.pt", 7, 7)]
    assert sorted(path.name for path in partial.iterdir()) == [PARTS_FOLDER, "flow.pt"]


def test_an_equal_file_of_another_model_is_linked(tmp_path: Path) -> None:
    file = HubFile("some/repo", "flow.pt", len(CONTENT), sha256=SHA256)
    other, partial = tmp_path / "other", tmp_path / "small.partial"
    other.mkdir()
    partial.mkdir()
    (other / "flow.pt").write_bytes(CONTENT)
    write_record(other, record("other", file))
    download_files(HuggingFace(), record("small", file), partial, tmp_path, lambda _: None)
    assert (partial / "flow.pt").samefile(other / "flow.pt")


def test_too_little_space_is_reported(tmp_path: Path) -> None:
    partial = tmp_path / "small.partial"
    partial.mkdir()
    plan = record("small", HubFile("some/repo", "flow.pt", 10**18, sha256=SHA256))
    with pytest.raises(DiskError, match=r"small needs 1000000000\.3 GB more"):
        download_files(HuggingFace(), plan, partial, tmp_path, lambda _: None)
