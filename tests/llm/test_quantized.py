import copy

import pytest
import torch
from support.golden_data import models, trace
from torch import Tensor

from podtts.llm import quantized
from podtts.llm.block_quant import Bits, BlockLinear, BlockWeights
from podtts.llm.native_layers import NativeLayers, supports_layers
from podtts.llm.onnx_layers import OnnxLayers
from podtts.llm.quantized import quantize_llm, quantized_blocks, use_blocks
from podtts.llm.qwen3 import Qwen3
from podtts.options import Quantization

BITS: tuple[Bits, ...] = (8, 4)
# Relative RMS of normal weights: an even grid over the largest of 32, in 255 or 16 levels.
ERRORS: dict[Bits, float] = {8: 0.006, 4: 0.09}


def weights(outputs: int = 128, inputs: int = 96) -> Tensor:
    return torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(0))


def off(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.float() - theirs.float()).norm() / theirs.float().norm())


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("inputs", [96, 40])
def test_weights_are_near_the_given_ones(bits: Bits, inputs: int) -> None:
    """40 inputs are no whole blocks."""
    blocks = BlockWeights.of(weights(inputs=inputs), bits)
    assert blocks.bits == bits
    assert 0 < off(blocks.widened(inputs), weights(inputs=inputs)) < ERRORS[bits]


@pytest.mark.parametrize("bits", BITS)
def test_what_levels_can_say_exactly_stays_exact(bits: Bits) -> None:
    middle = 1 << (bits - 1)
    levels = torch.arange(1024).view(32, 32) % (2 * middle - 1) - (middle - 1)
    levels[:, 0] = middle - 1 if bits == 8 else -middle
    weight = 0.25 * levels.float()
    assert torch.equal(BlockWeights.of(weight, bits).widened(32), weight)
    assert torch.equal(BlockWeights.of(0 * weight, bits).widened(32), 0 * weight)


def test_clipping_is_better_than_the_whole_range() -> None:
    weight = weights()
    groups = weight.view(128, 3, 32)
    farthest = groups.gather(2, groups.abs().argmax(2, keepdim=True))
    whole = ((groups / (farthest / -8)).round().clamp(-8, 7) * (farthest / -8)).flatten(1)
    assert off(BlockWeights.of(weight, 4).widened(96), weight) < off(whole, weight)


def test_blocks_come_apart_by_outputs() -> None:
    blocks = BlockWeights.of(weights(), 4)
    first, second = blocks.split([100, 28])
    assert torch.equal(torch.cat((first.widened(96), second.widened(96))), blocks.widened(96))


def test_a_linear_layer_multiplies_with_its_blocks() -> None:
    blocks, x = BlockWeights.of(weights(), 4), torch.randn(2, 5, 96)
    expected = x @ blocks.widened(96).T
    assert off(BlockLinear(blocks, 96)(x), expected) < 1e-6


@pytest.fixture(params=["int8", "int4"])
def kind(request: pytest.FixtureRequest) -> Quantization:
    found: Quantization = request.param
    return found


@pytest.fixture(params=["compiled", "onnxruntime"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    """What reads the layers at once."""
    if request.param == "onnxruntime":
        monkeypatch.setattr(quantized, "supports_layers", lambda config, bits: False)
        return OnnxLayers
    if not supports_layers(models().llm.config, 8):
        pytest.skip("compiled code does not run here")
    return NativeLayers


def ids() -> Tensor:
    return torch.tensor([trace("plain")["llm_calls"][-1]["input_ids"]])


def logits(llm: Qwen3) -> Tensor:
    with torch.inference_mode():
        return llm.logits(llm(ids()))[0]


def test_layers_at_once_compute_what_layers_one_by_one_do(
    kind: Quantization, engine: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apart from activations, which are rounded to 8 bits."""
    blocks = quantized_blocks(models().llm, kind)
    fused_layers, layers = copy.deepcopy(models().llm), copy.deepcopy(models().llm)
    use_blocks(fused_layers, blocks)
    assert isinstance(fused_layers.fused_layers, engine)
    monkeypatch.setattr(quantized, "has_fused_layers", lambda device: False)
    use_blocks(layers, blocks)
    assert layers.fused_layers is None
    assert off(logits(fused_layers), logits(layers)) < 0.03


def test_a_quantized_model_says_nearly_the_same(kind: Quantization) -> None:
    """Random weights spread logits thinly, so a trained model agrees more often than this one."""
    small = copy.deepcopy(models().llm)
    quantize_llm(small, kind)
    agreement = (logits(small).argmax(1) == logits(models().llm).argmax(1)).float().mean()
    assert agreement > (0.9 if kind == "int8" else 0.5)


def test_blocks_take_half_a_bit_a_weight_more(kind: Quantization) -> None:
    llm = models().llm
    blocks = quantized_blocks(llm, kind).values()
    size = sum(one.levels.nbytes + one.scale.nbytes for one in blocks)
    whole = sum(2 * weight.numel() for weight in llm.layers.parameters() if weight.ndim == 2)
    # The scales are float16: a sixteenth of a byte a weight.
    assert size == whole * (1.0625 if kind == "int8" else 0.5625) / 2


def test_reading_in_parts_agrees_with_reading_at_once(kind: Quantization, engine: type) -> None:
    llm = copy.deepcopy(models().llm)
    quantize_llm(llm, kind)
    cache = llm.new_cache()
    with torch.inference_mode():
        parts = [
            llm.logits(llm(part, cache))[0]
            for part in torch.split(ids()[:, :80], [30, 1, 1, 10, 38], dim=1)
        ]
    assert off(torch.cat(parts), logits(llm)[:80]) < 1e-5


def test_rows_side_by_side_agree_with_reading_at_once(kind: Quantization, engine: type) -> None:
    """Rows of different lengths, over a growth of the cache, with two that change places.

    The lengths are such that no activation stands between two of its 255 levels: ONNX Runtime's
    last bits, which differ with the number of rows, would send it to one or the other.
    """
    llm = copy.deepcopy(models().llm)
    quantize_llm(llm, kind)
    long = ids().repeat(1, 1 + 1100 // ids().shape[1])
    lengths = (1018, 7, 62)
    caches = llm.new_caches(3)
    rows = list(caches.rows)
    with torch.inference_mode():
        whole = llm(long)[0]
        for cache, length in zip(rows, lengths, strict=True):
            llm(long[:, :length], cache)
        for step in range(8):
            if step == 4:
                caches.swap(0, 2)
            last = torch.empty(3, dtype=torch.int64)
            for cache, length in zip(rows, lengths, strict=True):
                last[cache.index] = long[0, length + step]
            hidden = llm.step(last, caches)
            for cache, length in zip(rows, lengths, strict=True):
                cache.advance(1)
                distance = off(hidden[cache.index], whole[length + step])
                assert distance <= (1e-5 if engine is OnnxLayers else 0)
