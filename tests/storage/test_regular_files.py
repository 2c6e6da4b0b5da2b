import os
from pathlib import Path

import pytest

from podtts.storage.regular_files import NotRegularError, is_unusable, map_regular, read_regular


def test_a_regular_file_is_read_and_mapped(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    assert read_regular(path, 7) == b"content"
    with map_regular(path, 7) as mapped:
        mapped[0:1] = b"C"
        assert mapped[:] == b"Content"
    assert path.read_bytes() == b"content"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(2**20 + 1))
    with pytest.raises(NotRegularError, match="it is larger than 1 MiB") as caught:
        read_regular(tmp_path / "file", 2**20)
    assert is_unusable(caught.value)


def test_an_empty_file_cannot_be_mapped(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert read_regular(tmp_path / "file", 1) == b""
    with pytest.raises(NotRegularError, match="it is empty"):
        map_regular(tmp_path / "file", 1)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "circular link"])
def test_other_kinds_are_unusable(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "path"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    with pytest.raises(OSError) as caught:
        read_regular(path, 100)
    assert is_unusable(caught.value)


def test_a_missing_file_is_not_unusable(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        read_regular(tmp_path / "missing", 100)
    assert not is_unusable(caught.value)
