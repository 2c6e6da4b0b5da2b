from pathlib import Path

import pytest

from podtts.storage.staging import Staging


def test_all_content_appears_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    with Staging() as staging:
        staging.path_for(tmp_path / "a").write_text("new")
        folder = staging.path_for(tmp_path / "folder")
        folder.mkdir()
        (folder / "new").touch()
        assert (tmp_path / "a").read_text() == "old"
        assert [path.name for path in (tmp_path / "folder").iterdir()] == ["old"]
    assert (tmp_path / "a").read_text() == "new"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(error), Staging() as staging:  # noqa: PT012 (the block is the test)
        staging.path_for(tmp_path / "a").write_text("new")
        staging.path_for(tmp_path / "folder").mkdir()
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("in_the_way", ["file", "folder"])
def test_nothing_is_replaced_when_one_target_cannot_be(tmp_path: Path, in_the_way: str) -> None:
    (tmp_path / "a").write_text("old")
    if in_the_way == "folder":
        (tmp_path / "b").mkdir()
    else:
        (tmp_path / "b").touch()
    with pytest.raises(OSError), Staging() as staging:  # noqa: PT012 (the block is the test)
        staging.path_for(tmp_path / "a").write_text("new")
        if in_the_way == "folder":
            staging.path_for(tmp_path / "b").write_text("new")
        else:
            staging.path_for(tmp_path / "b").mkdir()
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_link_is_kept(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "archive" / "a")
    with Staging() as staging:
        staging.path_for(tmp_path / "link").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "archive" / "a").read_text() == "new"


def test_a_work_folder_holds_the_hidden_files(tmp_path: Path) -> None:
    """Leftovers of a killed process in it are removed; other targets have theirs beside them."""
    work_folder, other = tmp_path / "work", tmp_path / "other"
    work_folder.mkdir()
    other.mkdir()
    killed = Staging(work_folder)
    killed.path_for(tmp_path / "a").write_text("incompl")
    killed.path_for(tmp_path / "folder").mkdir()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert len([*work_folder.iterdir()]) == 2
    with Staging(work_folder) as staging:
        assert [*work_folder.iterdir()] == []
        staging.path_for(tmp_path / "a").write_text("new")
        hidden = staging.path_for(other / "b")
        assert hidden.parent == other
        hidden.touch()
    assert (tmp_path / "a").read_text() == "new"
    assert [*work_folder.iterdir()] == []
