import hashlib
import os
import shutil
from pathlib import Path

import pytest
from support.golden_data import MODEL

from podtts.errors import ModelError
from podtts.weights.digest import checkpoint_digest, file_digest


def settled(path: Path, content: bytes) -> Path:
    """A file with an old time stamp, as those of a checkpoint."""
    path.write_bytes(content)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_a_digest_is_that_of_the_content_and_is_cached(tmp_path: Path) -> None:
    file = settled(tmp_path / "file", b"some weights")
    expected = hashlib.sha256(b"some weights").hexdigest()
    assert file_digest(file, tmp_path / "digests") == expected
    assert len(list((tmp_path / "digests").glob("*.json"))) == 1
    assert file_digest(file, tmp_path / "digests") == expected


def test_another_file_at_the_same_path_has_its_own_digest(tmp_path: Path) -> None:
    file = settled(tmp_path / "file", b"some weights")
    before = file_digest(file, tmp_path / "digests")
    file.unlink()
    settled(tmp_path / "other", b"occupies the inode")
    settled(file, b"SOME WEIGHTS")
    assert file_digest(file, tmp_path / "digests") != before


def test_the_digest_of_a_file_that_may_still_change_is_not_cached(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a")
    os.utime(file, (4_000_000_000, 4_000_000_000))  # newer than now, however slow the test is
    file_digest(file, tmp_path / "digests")
    assert not (tmp_path / "digests").exists()


def test_damaged_entries_are_ignored(tmp_path: Path) -> None:
    file = settled(tmp_path / "file", b"some weights")
    expected = file_digest(file, tmp_path / "digests")
    entry = next((tmp_path / "digests").iterdir())
    for damage in (b"", b"{", b"[1]", b'{"a": 1}'):
        entry.write_bytes(damage)
        assert file_digest(file, tmp_path / "digests") == expected


def test_every_file_of_a_checkpoint_changes_its_digest(tmp_path: Path) -> None:
    model = Path(shutil.copytree(MODEL, tmp_path / "model"))
    before = checkpoint_digest(model, tmp_path / "digests")
    assert before == checkpoint_digest(MODEL, tmp_path / "digests")
    (model / "podtts.json").write_text('{"estimator_heads": 4, "estimator_head_dim": 16}')
    assert checkpoint_digest(model, tmp_path / "digests") != before


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone cannot be read"):
        file_digest(tmp_path / "gone", tmp_path / "digests")
