from pathlib import Path

import numpy as np

from podtts.storage.sealed import seal
from podtts.storage.verify import verify_sealed


def test_files_are_verified_and_damaged_ones_quarantined(tmp_path: Path) -> None:
    folder = tmp_path / "derived"
    folder.mkdir()
    content = seal({"weight": np.zeros(8, np.float32)}, {})
    intact, damaged, blocked = (folder / f"{digit * 64}.safetensors" for digit in "abc")
    intact.write_bytes(content)
    damaged.write_bytes(content[:-1] + b"\x01")
    blocked.mkdir()
    (folder / "other.safetensors").write_text("not a file of the store")
    assert [*verify_sealed(tmp_path, "derived")] == [
        (intact, None),
        (damaged, "its content does not match its checksum"),
        (blocked, "Is a directory"),
    ]
    assert sorted(path.name for path in folder.iterdir()) == [intact.name, "other.safetensors"]
    assert len([*(tmp_path / "quarantine").iterdir()]) == 2


def test_a_missing_folder_has_no_files(tmp_path: Path) -> None:
    assert [*verify_sealed(tmp_path, "derived")] == []
