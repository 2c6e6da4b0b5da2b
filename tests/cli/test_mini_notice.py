from pathlib import Path

import pytest

from podtts.cli import messages
from podtts.cli.mini_notice import NOTICE, introduce_mini


def test_it_is_said_once_for_a_cache(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for root in (tmp_path / "not yet there", tmp_path):
        introduce_mini(root)
        assert capsys.readouterr().err == NOTICE + "\n"
        introduce_mini(root)
        assert capsys.readouterr().err == ""


def test_a_cache_that_cannot_be_written_is_no_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for _ in range(2):
        introduce_mini(tmp_path / "file" / "cache")
        assert capsys.readouterr().err == NOTICE + "\n"


def test_with_quiet_it_is_neither_said_nor_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(messages._Loudness, "quiet", True)
    introduce_mini(tmp_path)
    assert capsys.readouterr().err == ""
    assert [*tmp_path.iterdir()] == []
