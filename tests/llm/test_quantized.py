import copy

import pytest
import torch
import torch.nn.functional as F
from golden_data import models, trace
from torch import Tensor

from podtts.llm.generate import prefill
from podtts.llm.quantized import (
    Int4Linear,
    Int8Linear,
    NarrowLinear,
    PackedInt4Linear,
    quantize_llm,
)
from podtts.llm.qwen3 import Qwen3
from podtts.options import Quantization

Narrow = type[NarrowLinear]
NARROW: list[Narrow] = [Int8Linear, Int4Linear, PackedInt4Linear]
# Relative RMS of normal weights: an even grid over +-4 sigma in 255 or, for 32 of them, 16 levels.
ERRORS: dict[Narrow, float] = {Int8Linear: 0.012, Int4Linear: 0.1, PackedInt4Linear: 0.1}


def weights(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(128, 96, generator=torch.Generator().manual_seed(0)).to(dtype)


def widened(kind: Narrow, weight: Tensor) -> Tensor:
    """The weight a quantized layer multiplies with, read off its outputs."""
    out: Tensor = kind.of(weight)(torch.eye(weight.shape[1], dtype=weight.dtype))
    return out.T


def off(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.float() - theirs.float()).norm() / theirs.float().norm())


@pytest.mark.parametrize("kind", NARROW)
def test_weights_are_near_the_given_ones(kind: Narrow) -> None:
    assert 0 < off(widened(kind, weights()), weights()) < ERRORS[kind]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", NARROW)
def test_few_rows_and_many_give_the_same(kind: Narrow, dtype: torch.dtype) -> None:
    linear = kind.of(weights(dtype))
    x = torch.randn(2, 50, 96, generator=torch.Generator().manual_seed(1)).to(dtype)
    many = linear(x)
    assert many.shape == (2, 50, 128)
    few = torch.cat([linear(x[:, step : step + 2]) for step in range(0, 50, 2)], dim=1)
    assert off(few, many) < (1e-5 if dtype == torch.float32 else 1e-2)
    assert off(many, F.linear(x, weights(dtype))) < 1.1 * ERRORS[kind]


def test_both_forms_of_four_bits_hold_the_same_weights() -> None:
    assert off(widened(PackedInt4Linear, weights()), widened(Int4Linear, weights())) < 1e-6


def test_four_bits_keep_constant_and_one_sided_groups() -> None:
    weight = torch.cat((torch.zeros(64, 32), torch.full((64, 32), 3.0), torch.rand(64, 32) + 5), 1)
    assert off(widened(Int4Linear, weight), weight) < 0.01


def test_clipping_is_not_worse_than_the_whole_range() -> None:
    weight = weights()
    weight[:, ::32] *= 3  # an outlier in every group
    groups = weight.view(128, 3, 32)
    scale = (groups.amax(2, keepdim=True) - groups.amin(2, keepdim=True)) / 15
    low = groups.amin(2, keepdim=True)
    whole = (((groups - low) / scale).round() * scale + low).flatten(1)
    assert off(widened(Int4Linear, weight), weight) < off(whole, weight)


@pytest.mark.parametrize(
    ("kind", "nearest", "bytes_share"), [("int8", 0.9, 0.6), ("int4", 0.6, 0.4)]
)
def test_a_quantized_model_says_nearly_the_same(
    kind: Quantization, nearest: float, bytes_share: float
) -> None:
    """Random weights spread logits thinly, so a trained model agrees more often than this one."""
    llm = models().llm
    small: Qwen3 = copy.deepcopy(llm)
    quantize_llm(small, kind)
    ids = trace("plain")["llm_calls"][-1]["input_ids"]

    def logits(model: Qwen3) -> Tensor:
        with torch.inference_mode():
            return model.logits(model(torch.tensor([ids])))[0]

    whole, ours = logits(llm), logits(small)
    assert (ours.argmax(1) == whole.argmax(1)).float().mean() > nearest

    def size(model: Qwen3) -> int:
        tensors = [*model.layers.parameters(), *model.layers.buffers()]
        return sum(tensor.nbytes for tensor in tensors)

    assert size(small) < bytes_share * size(llm)


def test_decoding_step_by_step_agrees_with_reading_at_once() -> None:
    llm = copy.deepcopy(models().llm)
    quantize_llm(llm, "int4")
    ids = trace("plain")["llm_calls"][-1]["input_ids"][:40]
    cache = llm.new_cache()
    with torch.inference_mode():
        whole = llm(torch.tensor([ids]))[0, -1]
        prefill(llm, ids[:-1], cache)
        last = prefill(llm, ids[-1:], cache)[0]
    assert off(last, whole) < 1e-4
