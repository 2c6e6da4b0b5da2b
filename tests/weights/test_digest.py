import hashlib
import os
import shutil
from pathlib import Path

import pytest
from support.golden_data import MODEL

from podtts.errors import ModelError
from podtts.weights.digest import checkpoint_digest, file_digest


def settled(path: Path, content: bytes) -> Path:
    """A file whose time stamp is long past, as that of a checkpoint is."""
    path.write_bytes(content)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_digest_is_that_of_the_bytes_and_is_remembered(tmp_path: Path) -> None:
    file = settled(tmp_path / "file", b"some weights")
    expected = hashlib.sha256(b"some weights").hexdigest()
    assert file_digest(file, tmp_path / "memory") == expected
    assert len(list((tmp_path / "memory").glob("*.json"))) == 1
    assert file_digest(file, tmp_path / "memory") == expected


def test_another_file_in_its_place_is_seen(tmp_path: Path) -> None:
    file = settled(tmp_path / "file", b"some weights")
    before = file_digest(file, tmp_path / "memory")
    file.unlink()
    settled(tmp_path / "other", b"occupies the inode")
    settled(file, b"SOME WEIGHTS")
    assert file_digest(file, tmp_path / "memory") != before


def test_a_file_that_is_still_changing_is_not_remembered(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a")
    os.utime(file, (4_000_000_000, 4_000_000_000))  # younger than now, however late it is looked at
    file_digest(file, tmp_path / "memory")
    assert not (tmp_path / "memory").exists()


def test_a_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    file = settled(tmp_path / "file", b"some weights")
    expected = file_digest(file, tmp_path / "memory")
    note = next((tmp_path / "memory").iterdir())
    for damage in (b"", b"{", b"[1]", b'{"a": 1}'):
        note.write_bytes(damage)
        assert file_digest(file, tmp_path / "memory") == expected


def test_every_file_of_a_checkpoint_counts(tmp_path: Path) -> None:
    model = Path(shutil.copytree(MODEL, tmp_path / "model"))
    before = checkpoint_digest(model, tmp_path / "memory")
    assert before == checkpoint_digest(MODEL, tmp_path / "memory")
    (model / "podtts.json").write_text('{"estimator_heads": 4, "estimator_head_dim": 16}')
    assert checkpoint_digest(model, tmp_path / "memory") != before


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone cannot be read"):
        file_digest(tmp_path / "gone", tmp_path / "memory")
