import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from podtts.storage.keyed_store import KeyedStore
from podtts.storage.sealed import Array, SealError

TENSORS: dict[str, Array] = {"weight": np.arange(64, dtype=np.float32)}


def store(root: Path, warnings: list[str], limit_bytes: int = 2**20, **identity: str) -> KeyedStore:
    return KeyedStore(root, "derived", "test-1", identity, warnings.append, limit_bytes)


def weight(tensors: Mapping[str, Array]) -> list[float]:
    return [float(value) for value in tensors["weight"]]


def files(root: Path) -> list[Path]:
    return sorted((root / "derived").iterdir())


def test_stored_tensors_are_found_by_their_key(tmp_path: Path) -> None:
    warnings: list[str] = []
    written = store(tmp_path, warnings, model="a")
    assert written.read(["key", 1], weight) is None
    written.write(["key", 1], TENSORS)
    assert written.read(["key", 1], weight) == weight(TENSORS)
    assert written.read(["key", 2], weight) is None
    assert store(tmp_path, warnings, model="b").read(["key", 1], weight) is None
    assert warnings == []


def test_a_damaged_file_is_a_miss_and_moves_to_quarantine(tmp_path: Path) -> None:
    warnings: list[str] = []
    damaged = store(tmp_path, warnings)
    damaged.write("key", TENSORS)
    [path] = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    assert damaged.read("key", weight) is None
    assert not path.exists()
    [moved] = (tmp_path / "quarantine").iterdir()
    [warning] = warnings
    assert warning.startswith(f"{path} is not used: ")
    assert warning.endswith(f"it was moved to {moved}")


def test_a_file_of_another_key_is_a_miss(tmp_path: Path) -> None:
    warnings: list[str] = []
    renamed = store(tmp_path, warnings)
    renamed.write("first", TENSORS)
    [first] = files(tmp_path)
    renamed.write("second", TENSORS)
    [second] = [path for path in files(tmp_path) if path != first]
    second.replace(first)
    assert renamed.read("first", weight) is None
    assert "it belongs to another key" in warnings[0]


def test_unexpected_tensors_are_a_miss(tmp_path: Path) -> None:
    warnings: list[str] = []
    other = store(tmp_path, warnings)
    other.write("key", TENSORS)

    def refuse(tensors: Mapping[str, Array]) -> None:
        raise SealError("they have another shape")

    assert other.read("key", refuse) is None
    assert "they have another shape" in warnings[0]


def test_a_folder_in_place_of_a_file_is_a_miss(tmp_path: Path) -> None:
    warnings: list[str] = []
    blocked = store(tmp_path, warnings)
    blocked.write("key", TENSORS)
    [path] = files(tmp_path)
    path.unlink()
    path.mkdir()
    assert blocked.read("key", weight) is None
    assert "it is not an entry: Is a directory" in warnings[0]


def test_the_files_unused_for_longest_are_removed_first(tmp_path: Path) -> None:
    warnings: list[str] = []
    unlimited = store(tmp_path, warnings)
    ages: dict[str, Path] = {}
    for key in ("old", "read again", "new"):
        unlimited.write(key, TENSORS)
        [ages[key]] = [path for path in files(tmp_path) if path not in ages.values()]
    for seconds, path in enumerate(ages.values()):
        os.utime(path, (1000 + seconds, 1000 + seconds))
    assert unlimited.read("old", weight)  # a use renews it
    size = ages["old"].stat().st_size
    limited = store(tmp_path, warnings, limit_bytes=3 * size)
    limited.write("another", TENSORS)
    assert ages["old"].exists()
    assert not ages["read again"].exists()
    assert ages["new"].exists()
    assert len(files(tmp_path)) == 3


def test_tensors_larger_than_the_limit_are_not_stored(tmp_path: Path) -> None:
    warnings: list[str] = []
    small = store(tmp_path, warnings, limit_bytes=100)
    small.write("key", TENSORS)
    assert small.read("key", weight) is None
    assert warnings == []


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX paths")
def test_a_store_that_cannot_be_written_warns(tmp_path: Path) -> None:
    warnings: list[str] = []
    (tmp_path / "derived").write_text("a file in place of the folder")
    store(tmp_path, warnings).write("key", TENSORS)
    assert warnings == [f"the prompt cache {tmp_path} cannot be written: File exists"]
