"""A checkpoint fetched by a machine that does not have it."""

import shutil
import threading
from functools import partial
from pathlib import Path

import pytest
from support.golden_data import MODEL

from podtts.batch.checkpoint_copy import copied_checkpoint, file_sizes, read_chunk
from podtts.errors import ModelError
from podtts.weights.digest import checkpoint_digest


@pytest.fixture
def digest(tmp_path: Path) -> str:
    return checkpoint_digest(MODEL, tmp_path / "digests")


def refuse(name: str, offset: int, size: int) -> bytes:
    raise AssertionError("nothing is to be fetched")


def test_a_checkpoint_that_is_there_is_not_fetched(digest: str, tmp_path: Path) -> None:
    here = [tmp_path / "nowhere", MODEL]
    assert copied_checkpoint(digest, here, tmp_path, {}, refuse) == MODEL
    assert not (tmp_path / "checkpoints").exists()


def test_another_checkpoint_of_that_place_is_not_used(digest: str, tmp_path: Path) -> None:
    other = Path(shutil.copytree(MODEL, tmp_path / "model"))
    config = other / "soulxpodcast_config.json"
    config.write_text(config.read_text() + "\n")
    read = partial(read_chunk, MODEL)
    copy = copied_checkpoint(digest, [other], tmp_path / "root", file_sizes(MODEL), read)
    assert copy == tmp_path / "root" / "checkpoints" / digest
    assert file_sizes(copy) == file_sizes(MODEL)
    again = copied_checkpoint(digest, [other], tmp_path / "root", file_sizes(MODEL), refuse)
    assert again == copy


def test_workers_of_one_machine_fetch_once(digest: str, tmp_path: Path) -> None:
    fetched: list[str] = []
    found: list[Path] = []

    def read(name: str, offset: int, size: int) -> bytes:
        fetched.append(name)
        return read_chunk(MODEL, name, offset, size)

    def work() -> None:
        found.append(copied_checkpoint(digest, [], tmp_path, file_sizes(MODEL), read))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fetched) == sorted(file_sizes(MODEL))
    assert set(found) == {tmp_path / "checkpoints" / digest}


def test_what_was_fetched_halfway_or_wrongly_is_not_used(digest: str, tmp_path: Path) -> None:
    def lie(name: str, offset: int, size: int) -> bytes:
        return b"x" * size

    def stop(name: str, offset: int, size: int) -> bytes:
        if name == max(sizes):
            raise OSError(28, "No space left on device")
        return read_chunk(MODEL, name, offset, size)

    sizes = {name: min(size, 100) for name, size in file_sizes(MODEL).items()}
    with pytest.raises(ModelError, match="is not what was sent"):
        copied_checkpoint(digest, [], tmp_path, sizes, lie)
    with pytest.raises(ModelError, match="cannot be copied there: No space left"):
        copied_checkpoint(digest, [], tmp_path, file_sizes(MODEL), stop)
    read = partial(read_chunk, MODEL)
    copy = copied_checkpoint(digest, [], tmp_path, file_sizes(MODEL), read)
    assert checkpoint_digest(copy, tmp_path / "digests") == digest
