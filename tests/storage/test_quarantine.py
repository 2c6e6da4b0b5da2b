import time
from pathlib import Path

import pytest

from podtts.storage.quarantine import Quarantine


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_anything_is_moved(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "damaged"
    if kind == "file":
        path.write_text("content")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    started = time.time()
    moved = Quarantine(tmp_path).move(path)
    assert moved is not None
    assert moved.parent == tmp_path / "quarantine"
    assert moved.name.startswith("damaged.")
    assert moved.lstat().st_mtime > started - 60  # its age counts from now
    assert not path.is_symlink()
    assert not path.exists()


def test_files_of_the_same_name_do_not_collide(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    for _ in range(2):
        (tmp_path / "damaged").touch()
        assert quarantine.move(tmp_path / "damaged")
    assert len([*(tmp_path / "quarantine").iterdir()]) == 2


def test_a_file_that_is_already_gone_is_none(tmp_path: Path) -> None:
    assert Quarantine(tmp_path).move(tmp_path / "missing") is None


def test_a_damaged_file_is_moved_and_reported(tmp_path: Path) -> None:
    (tmp_path / "damaged").touch()
    message = Quarantine(tmp_path).move_damaged(tmp_path / "damaged", "it is cut short")
    [moved] = (tmp_path / "quarantine").iterdir()
    assert message == f"it is cut short; it was moved to {moved}"
    assert Quarantine(tmp_path).move_damaged(tmp_path / "damaged", "it is cut short") is None


def test_a_damaged_file_that_cannot_be_moved_is_reported(tmp_path: Path) -> None:
    (tmp_path / "damaged").touch()
    (tmp_path / "quarantine").touch()
    message = Quarantine(tmp_path).move_damaged(tmp_path / "damaged", "it is cut short")
    assert message == "it is cut short; it cannot be moved away: File exists"
