import pytest
import torch
from support.golden_data import relative_rms
from torch import Tensor

from podtts.llm.block_quant import Bits, BlockLinear, BlockWeights

BITS: tuple[Bits, ...] = (8, 4)
# Relative RMS of normal weights: an even grid over the largest of 32, in 255 or 16 levels.
ERRORS: dict[Bits, float] = {8: 0.006, 4: 0.09}


def weights(outputs: int = 128, inputs: int = 96) -> Tensor:
    return torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("inputs", [96, 40])
def test_dequantized_weights_are_near_the_originals(bits: Bits, inputs: int) -> None:
    """40 inputs are no multiple of 32."""
    blocks = BlockWeights.quantize(weights(inputs=inputs), bits)
    assert blocks.bits == bits
    assert 0 < relative_rms(blocks.dequantize(inputs), weights(inputs=inputs)) < ERRORS[bits]


@pytest.mark.parametrize("bits", BITS)
def test_weights_on_the_grid_of_levels_are_exact(bits: Bits) -> None:
    middle = 1 << (bits - 1)
    levels = torch.arange(1024).view(32, 32) % (2 * middle - 1) - (middle - 1)
    levels[:, 0] = middle - 1 if bits == 8 else -middle
    weight = 0.25 * levels.float()
    assert torch.equal(BlockWeights.quantize(weight, bits).dequantize(32), weight)
    assert torch.equal(BlockWeights.quantize(0 * weight, bits).dequantize(32), 0 * weight)


def test_clipping_in_4_bits_has_less_error_than_the_full_range() -> None:
    weight = weights()
    groups = weight.view(128, 3, 32)
    farthest = groups.gather(2, groups.abs().argmax(2, keepdim=True))
    unclipped = ((groups / (farthest / -8)).round().clamp(-8, 7) * (farthest / -8)).flatten(1)
    assert relative_rms(BlockWeights.quantize(weight, 4).dequantize(96), weight) < relative_rms(
        unclipped, weight
    )


def test_a_weight_splits_by_outputs() -> None:
    blocks = BlockWeights.quantize(weights(), 4)
    first, second = blocks.split([100, 28])
    assert torch.equal(
        torch.cat((first.dequantize(96), second.dequantize(96))), blocks.dequantize(96)
    )


def test_a_linear_layer_multiplies_with_the_dequantized_weight() -> None:
    blocks, x = BlockWeights.quantize(weights(), 4), torch.randn(2, 5, 96)
    expected = x @ blocks.dequantize(96).T
    assert relative_rms(BlockLinear(blocks, 96)(x), expected) < 1e-6
