from pathlib import Path

import pytest
from support.golden_data import MODEL

from podtts.device.placement import place
from podtts.weights.derived import open_checkpoint


def files(root: Path, folder: str) -> dict[str, int]:
    """Names and inodes of what is stored: a file that is written again has another inode."""
    return {path.name: path.stat().st_ino for path in (root / folder).glob("*.safetensors")}


def test_quantized_layers_are_stored_once_and_used_again(tmp_path: Path) -> None:
    placement = place("cpu", "float32", "int8")
    open_checkpoint(MODEL, placement, tmp_path, pytest.fail)
    stored = files(tmp_path, "quantized")
    assert len(stored) == 1
    open_checkpoint(MODEL, placement, tmp_path, pytest.fail)
    assert files(tmp_path, "quantized") == stored


def test_states_after_prompts_are_stored_unless_that_is_off(tmp_path: Path) -> None:
    placement = place("cpu", "float32")
    assert open_checkpoint(MODEL, placement, tmp_path, pytest.fail).prefixes is not None
    off = open_checkpoint(MODEL, placement, tmp_path, pytest.fail, keeps_prefixes=False)
    assert off.prefixes is None
    assert files(tmp_path, "quantized") == {}
