import copy
import os
from pathlib import Path

import pytest
import torch
from support.golden_data import models
from torch import Tensor

from podtts.llm.qwen3 import Qwen3
from podtts.options import Quantization
from podtts.weights.quantized import FOLDER, quantize_kept, quantized_store


def narrowed(root: Path, kind: Quantization, warnings: list[str], weights: str = "these") -> Qwen3:
    llm = copy.deepcopy(models().llm)
    quantize_kept(llm, kind, quantized_store(root, {"llm": weights}, warnings.append))
    return llm


def logits(llm: Qwen3) -> Tensor:
    with torch.inference_mode():
        return llm.logits(llm(torch.tensor([[449, 450, 456, 460]])))


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_kept_layers_are_those_that_were_computed(kind: Quantization, tmp_path: Path) -> None:
    warnings: list[str] = []
    first = narrowed(tmp_path, kind, warnings)
    (file,) = (tmp_path / FOLDER).iterdir()
    os.utime(file, (1, 1))
    again = narrowed(tmp_path, kind, warnings)
    assert torch.equal(logits(first), logits(again))
    assert file.stat().st_mtime > 1  # it was used
    assert not warnings


def test_other_weights_or_kinds_do_not_share_them(tmp_path: Path) -> None:
    narrowed(tmp_path, "int8", [])
    narrowed(tmp_path, "int4", [])
    narrowed(tmp_path, "int8", [], weights="others")
    assert len(list((tmp_path / FOLDER).iterdir())) == 3


def test_nothing_is_kept_of_a_whole_model(tmp_path: Path) -> None:
    llm = narrowed(tmp_path, "none", [])
    assert torch.equal(logits(llm), logits(models().llm))
    assert not list(tmp_path.iterdir())


def test_damaged_layers_are_computed_again(tmp_path: Path) -> None:
    warnings: list[str] = []
    whole = narrowed(tmp_path, "int8", warnings)
    (file,) = (tmp_path / FOLDER).iterdir()
    raw = bytearray(file.read_bytes())
    raw[-5] ^= 1
    file.write_bytes(raw)
    again = narrowed(tmp_path, "int8", warnings)
    assert torch.equal(logits(whole), logits(again))
    assert len(warnings) == 1
    assert "quarantine" in warnings[0]
