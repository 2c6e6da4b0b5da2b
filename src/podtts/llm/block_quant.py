"""Weights in 8 or 4 bits: blocks of 32 inputs of an output share a scale.

The format is that of ONNX Runtime's MatMulNBits, symmetric: w = (level - middle) * scale. In 4 bits
a byte holds two levels, the first in its low half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Bits = Literal[4, 8]
BLOCK = 32
_CLIPS = (1.0, 0.96, 0.92, 0.88, 0.84)  # shares of a block's range to choose from in 4 bits
_LEAST_SCALE = 2.0**-24  # the least above 0 in float16
_ROWS = 128  # of a weight at a time: they stay in the cache of a core, 2 to 4 times as fast


@dataclass(frozen=True, eq=False)
class BlockWeights:
    """A quantized weight [N, K]; K is padded to a multiple of 32.

    levels: uint8 [N, blocks, 4 * bits]. scale: float16 [N, blocks].
    """

    levels: Tensor
    scale: Tensor

    @classmethod
    def quantize(cls, weight: Tensor, bits: Bits) -> BlockWeights:
        """Quantize a weight [N, K]."""
        parts = [_quantize_rows(rows, bits) for rows in torch.split(weight, _ROWS)]
        return cls(
            torch.cat([levels for levels, _ in parts]), torch.cat([scale for _, scale in parts])
        )

    @property
    def bits(self) -> Bits:
        """Bits of a level."""
        return 4 if self.levels.shape[2] * 2 == BLOCK else 8

    def split(self, outputs: list[int]) -> list[BlockWeights]:
        """Split into weights with so many outputs each."""
        parts = zip(
            torch.split(self.levels, outputs), torch.split(self.scale, outputs), strict=True
        )
        return [BlockWeights(levels, scale) for levels, scale in parts]

    def dequantize(self, inputs: int) -> Tensor:
        """The weight in float32 [N, inputs], without the padding."""
        levels = self.levels
        if self.bits == 4:
            levels = torch.stack((levels & 15, levels >> 4), dim=-1).flatten(2)
        middle = 1 << (self.bits - 1)
        return ((levels.float() - middle) * self.scale[..., None].float()).flatten(1)[:, :inputs]


class BlockLinear(nn.Module):
    """A linear layer without bias that dequantizes its weight in every call.

    It saves memory, not time; devices that have kernels for blocks do not need it.
    """

    levels: Tensor
    scale: Tensor

    def __init__(self, blocks: BlockWeights, inputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.register_buffer("levels", blocks.levels)
        self.register_buffer("scale", blocks.scale)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(
            x, BlockWeights(self.levels, self.scale).dequantize(self.inputs).to(x.dtype)
        )


def _quantize_rows(weight: Tensor, bits: Bits) -> tuple[Tensor, Tensor]:
    padded = F.pad(weight.float(), (0, -weight.shape[1] % BLOCK))
    blocks = padded.view(len(weight), -1, BLOCK)
    middle = 1 << (bits - 1)
    if bits == 8:
        scale = _rounded_scale(blocks.abs().amax(dim=2, keepdim=True) / (middle - 1))
        levels = (blocks / scale).round().clamp(-middle, middle - 1)
    else:
        levels, scale = _best_clip(blocks, middle)
    packed = (levels + middle).to(torch.uint8)
    if bits == 4:
        packed = packed[..., ::2] | (packed[..., 1::2] << 4)
    return packed, scale[..., 0].half()


def _rounded_scale(scale: Tensor) -> Tensor:
    """Scales rounded to float16, in float32; never 0."""
    scale = scale.half().float()
    return torch.where(scale == 0, _LEAST_SCALE, scale)


def _best_clip(blocks: Tensor, middle: int) -> tuple[Tensor, Tensor]:
    """Levels from -middle to middle - 1 and scale of every block: the clip with the least error.

    The number farthest from 0 gets the level farthest from 0, -middle, so a scale may be negative.
    """
    farthest = blocks.gather(2, blocks.abs().argmax(dim=2, keepdim=True))
    best, scales = torch.zeros_like(blocks), torch.zeros_like(farthest)
    least = torch.full_like(farthest, torch.inf)
    for clip in _CLIPS:
        scale = _rounded_scale(farthest * (-clip / middle))
        levels = (blocks / scale).round().clamp(-middle, middle - 1)
        error = (levels * scale - blocks).square().sum(dim=2, keepdim=True)
        better = error < least
        best, least = torch.where(better, levels, best), torch.where(better, error, least)
        scales = torch.where(better, scale, scales)
    return best, scales
