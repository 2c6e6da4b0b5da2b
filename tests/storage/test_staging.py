from pathlib import Path

import pytest

from podtts.storage.staging import Staging


def test_all_content_appears_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    with Staging() as staging:
        staging.place(tmp_path / "a").write_text("new")
        folder = staging.place(tmp_path / "folder")
        folder.mkdir()
        (folder / "new").touch()
        assert (tmp_path / "a").read_text() == "old"
        assert [path.name for path in (tmp_path / "folder").iterdir()] == ["old"]
    assert (tmp_path / "a").read_text() == "new"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_everything_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(error), Staging() as staging:  # noqa: PT012 (the block is the test)
        staging.place(tmp_path / "a").write_text("new")
        staging.place(tmp_path / "folder").mkdir()
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("in_the_way", ["file", "folder"])
def test_what_cannot_be_replaced_keeps_all_of_it(tmp_path: Path, in_the_way: str) -> None:
    (tmp_path / "a").write_text("old")
    if in_the_way == "folder":
        (tmp_path / "b").mkdir()
    else:
        (tmp_path / "b").touch()
    with pytest.raises(OSError), Staging() as staging:  # noqa: PT012 (the block is the test)
        staging.place(tmp_path / "a").write_text("new")
        if in_the_way == "folder":
            staging.place(tmp_path / "b").write_text("new")
        else:
            staging.place(tmp_path / "b").mkdir()
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "shelf").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "shelf" / "a")
    with Staging() as staging:
        staging.place(tmp_path / "link").write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "shelf" / "a").read_text() == "new"


def test_what_is_collected_in_a_workshop_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """Not even of a process that was killed; what is not to stand beside it is collected there."""
    workshop, other = tmp_path / "workshop", tmp_path / "other"
    workshop.mkdir()
    other.mkdir()
    left = Staging(workshop)
    left.place(tmp_path / "a").write_text("cut o")
    left.place(tmp_path / "folder").mkdir()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert len([*workshop.iterdir()]) == 2
    with Staging(workshop) as staging:
        assert [*workshop.iterdir()] == []
        staging.place(tmp_path / "a").write_text("new")
        hidden = staging.place(other / "b")
        assert hidden.parent == other
        hidden.touch()
    assert (tmp_path / "a").read_text() == "new"
    assert [*workshop.iterdir()] == []
