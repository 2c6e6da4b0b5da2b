"""Weights in 8 or 4 bits: 32 inputs of an output share a scale.

The form is that of ONNX Runtime's MatMulNBits, symmetric: w = (level - middle) * scale. In 4 bits
a byte holds two levels, the earlier in its low half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Bits = Literal[4, 8]
BLOCK = 32
_CLIPS = (1.0, 0.96, 0.92, 0.88, 0.84)  # shares of a block's range that are tried in 4 bits
_LEAST_SCALE = 2.0**-24  # above 0 in float16
_ROWS_AT_ONCE = 128  # of a weight: the tries stay in the cache of a core, 2 to 4 times as fast


@dataclass(frozen=True, eq=False)
class BlockWeights:
    """A weight [N, K] in few bits; K is filled up to whole blocks of 32.

    levels: uint8 [N, blocks, 4 * bits]. scale: float16 [N, blocks].
    """

    levels: Tensor
    scale: Tensor

    @classmethod
    def of(cls, weight: Tensor, bits: Bits) -> BlockWeights:
        """Quantize a weight [N, K]: of several scales of each block, the one with least error."""
        made = [_quantized(rows, bits) for rows in torch.split(weight, _ROWS_AT_ONCE)]
        return cls(torch.cat([one for one, _ in made]), torch.cat([one for _, one in made]))

    @property
    def bits(self) -> Bits:
        return 4 if self.levels.shape[2] * 2 == BLOCK else 8

    def split(self, outputs: list[int]) -> list[BlockWeights]:
        """The same as several weights, with so many outputs each."""
        parts = zip(
            torch.split(self.levels, outputs), torch.split(self.scale, outputs), strict=True
        )
        return [BlockWeights(levels, scale) for levels, scale in parts]

    def widened(self, inputs: int) -> Tensor:
        """The weight it stands for, float32 [N, inputs]."""
        levels = self.levels
        if self.bits == 4:
            levels = torch.stack((levels & 15, levels >> 4), dim=-1).flatten(2)
        middle = 1 << (self.bits - 1)
        return ((levels.float() - middle) * self.scale[..., None].float()).flatten(1)[:, :inputs]


class BlockLinear(nn.Module):
    """A linear layer without bias that widens its weight whenever it is used.

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
        return F.linear(x, BlockWeights(self.levels, self.scale).widened(self.inputs).to(x.dtype))


def _quantized(weight: Tensor, bits: Bits) -> tuple[Tensor, Tensor]:
    whole = F.pad(weight.float(), (0, -weight.shape[1] % BLOCK))
    blocks = whole.view(len(weight), -1, BLOCK)
    middle = 1 << (bits - 1)
    if bits == 8:
        scale = _halved(blocks.abs().amax(dim=2, keepdim=True) / (middle - 1))
        levels = (blocks / scale).round().clamp(-middle, middle - 1)
    else:
        levels, scale = _least_error(blocks, middle)
    packed = (levels + middle).to(torch.uint8)
    if bits == 4:
        packed = packed[..., ::2] | (packed[..., 1::2] << 4)
    return packed, scale[..., 0].half()


def _halved(scale: Tensor) -> Tensor:
    """Scales as they are kept, in float16 but float32 still; never 0."""
    scale = scale.half().float()
    return torch.where(scale == 0, _LEAST_SCALE, scale)


def _least_error(blocks: Tensor, middle: int) -> tuple[Tensor, Tensor]:
    """Levels from -middle to middle - 1 and scale of every block, the best of some clips.

    The number farthest from 0 takes the level farthest from it; so a scale may be negative.
    """
    farthest = blocks.gather(2, blocks.abs().argmax(dim=2, keepdim=True))
    best, scales = torch.zeros_like(blocks), torch.zeros_like(farthest)
    least = torch.full_like(farthest, torch.inf)
    for clip in _CLIPS:
        scale = _halved(farthest * (-clip / middle))
        levels = (blocks / scale).round().clamp(-middle, middle - 1)
        error = (levels * scale - blocks).square().sum(dim=2, keepdim=True)
        better = error < least
        best, least = torch.where(better, levels, best), torch.where(better, error, least)
        scales = torch.where(better, scale, scales)
    return best, scales
