import copy
import os
from pathlib import Path

import pytest
import torch
from support.golden_data import models
from torch import Tensor

from podtts.llm.qwen3 import Qwen3
from podtts.options import Quantization
from podtts.weights.quantized import FOLDER, quantize_with_store, quantized_store


def quantized(root: Path, kind: Quantization, warnings: list[str], weights: str = "these") -> Qwen3:
    llm = copy.deepcopy(models().llm)
    quantize_with_store(llm, kind, quantized_store(root, {"llm": weights}, warnings.append))
    return llm


def logits(llm: Qwen3) -> Tensor:
    with torch.inference_mode():
        return llm.logits(llm(torch.tensor([[449, 450, 456, 460]])))


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_stored_layers_have_the_bits_of_computed_ones(kind: Quantization, tmp_path: Path) -> None:
    warnings: list[str] = []
    first = quantized(tmp_path, kind, warnings)
    (file,) = (tmp_path / FOLDER).iterdir()
    os.utime(file, (1, 1))
    again = quantized(tmp_path, kind, warnings)
    assert torch.equal(logits(first), logits(again))
    assert file.stat().st_mtime > 1  # a hit updates the time stamp
    assert not warnings


def test_other_weights_and_kinds_have_entries_of_their_own(tmp_path: Path) -> None:
    quantized(tmp_path, "int8", [])
    quantized(tmp_path, "int4", [])
    quantized(tmp_path, "int8", [], weights="others")
    assert len(list((tmp_path / FOLDER).iterdir())) == 3


def test_a_model_that_is_not_quantized_stores_nothing(tmp_path: Path) -> None:
    llm = quantized(tmp_path, "none", [])
    assert torch.equal(logits(llm), logits(models().llm))
    assert not list(tmp_path.iterdir())


def test_damaged_layers_are_computed_again(tmp_path: Path) -> None:
    warnings: list[str] = []
    first = quantized(tmp_path, "int8", warnings)
    (file,) = (tmp_path / FOLDER).iterdir()
    raw = bytearray(file.read_bytes())
    raw[-5] ^= 1
    file.write_bytes(raw)
    again = quantized(tmp_path, "int8", warnings)
    assert torch.equal(logits(first), logits(again))
    assert len(warnings) == 1
    assert "quarantine" in warnings[0]
