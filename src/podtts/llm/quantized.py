"""Weights in 8 or 4 bits: what a decode step reads shrinks to a half or a quarter.

At batch 1 a step is bound by reading the weights, so fewer bytes are less time. Activations stay in
the model's dtype; embedding, head and norms are not touched. The kernels are torch's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.device import runs_packed_int4
from podtts.llm.qwen3 import Attention, FeedForward, Qwen3
from podtts.options import Quantization

_GROUP = 32  # weights of a row that share scale and zero in 4 bits
_MOST_ROWS_NARROW = 64  # of input in 8 bits; beyond, widening the weights once is faster
_CLIPS = (1.0, 0.92, 0.84)  # shares of a group's range that are tried in 4 bits
_OUTPUTS_PACKED = 64  # the 4-bit kernels of some CPUs take outputs in blocks of so many


class NarrowLinear(nn.Module, ABC):
    """A linear layer without bias whose weight is kept in few bits, with its scale."""

    OUTPUTS_OF_SCALE = 0  # the dimension of the scale that counts outputs
    weight: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)

    @classmethod
    def of(cls, weight: Tensor) -> NarrowLinear:
        """Quantize a weight [N, K]."""
        return cls(*cls.narrowed(weight))

    @staticmethod
    @abstractmethod
    def narrowed(weight: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and scale as the layer keeps them, of a weight [N, K]."""


class Int8Linear(NarrowLinear):
    """One scale an output: weight int8 [N, K], scale [N]."""

    @staticmethod
    def narrowed(weight: Tensor) -> tuple[Tensor, Tensor]:
        scale = weight.float().abs().amax(dim=1).clamp(min=1e-12) / 127
        levels = (weight.float() / scale[:, None]).round().to(torch.int8)
        return levels, scale.to(weight.dtype)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        if len(rows) > _MOST_ROWS_NARROW:
            return F.linear(x, self.weight.to(x.dtype) * self.scale[:, None])
        narrow: Tensor = torch.ops.aten._weight_int8pack_mm(rows, self.weight, self.scale)
        return narrow.view(*x.shape[:-1], -1)


class Int4Linear(NarrowLinear):
    """Scale and zero for every 32 inputs of an output.

    weight: uint8 [N, K / 2], the earlier input in the high bits; w = (q - 8) * scale + zero.
    scale: [K / 32, N, 2], scale and zero, in the model's dtype.
    """

    OUTPUTS_OF_SCALE = 1

    @staticmethod
    def narrowed(weight: Tensor) -> tuple[Tensor, Tensor]:
        levels, scale = quantized_groups(weight)
        return (levels[:, ::2] << 4) | levels[:, 1::2], scale

    def forward(self, x: Tensor) -> Tensor:
        scale, zero = self.scale.transpose(0, 1).unsqueeze(2).unbind(-1)
        levels = torch.stack((self.weight >> 4, self.weight & 15), dim=-1)
        groups = levels.view(len(self.weight), -1, _GROUP).to(x.dtype)
        return F.linear(x, ((groups - 8) * scale + zero).view(len(self.weight), -1))


class PackedInt4Linear(NarrowLinear):
    """As `Int4Linear`, with the weight in the order in which the kernel of this CPU reads it.

    Takes weights [N, K] with N a multiple of 64 and K of 32.
    """

    OUTPUTS_OF_SCALE = 1

    @staticmethod
    def narrowed(weight: Tensor) -> tuple[Tensor, Tensor]:
        levels, scale = quantized_groups(weight)
        return torch.ops.aten._convert_weight_to_int4pack_for_cpu(levels.int(), 1), scale

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(
            x.reshape(-1, x.shape[-1]), self.weight, _GROUP, self.scale
        )
        return out.view(*x.shape[:-1], -1)


def linear_layers(llm: Qwen3) -> Iterator[tuple[nn.Module, str, str]]:
    """Every layer that can be quantized: its parent, its name there, and its full name."""
    for path, module in llm.named_modules():
        if isinstance(module, (Attention, FeedForward)):
            for name, child in module.named_children():
                if isinstance(child, (nn.Linear, NarrowLinear)):
                    yield module, name, f"{path}.{name}"


def narrow_kind(weight: Tensor, kind: Quantization) -> type[NarrowLinear]:
    """Which layer takes a weight's place; 8 bits where the 4-bit kernels do not take its size."""
    outputs, inputs = weight.shape
    if kind == "int8" or inputs % _GROUP or outputs % _OUTPUTS_PACKED:
        return Int8Linear
    return PackedInt4Linear if runs_packed_int4(weight.device) else Int4Linear


def quantize_llm(llm: Qwen3, kind: Quantization) -> None:
    """Replace the linear layers of a loaded model in place, one after the other."""
    if kind == "none":
        return
    for parent, name, _ in list(linear_layers(llm)):
        weight: Tensor = getattr(parent, name).weight.detach()
        setattr(parent, name, narrow_kind(weight, kind).of(weight))


def quantized_groups(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Levels 0 to 15, uint8 [N, K], and scale and zero [K / 32, N, 2], of a weight [N, K].

    Of several clips of each group's range, the one with the least squared error.
    """
    groups = weight.float().view(len(weight), -1, _GROUP)
    low, high = groups.amin(dim=2, keepdim=True), groups.amax(dim=2, keepdim=True)
    best = torch.zeros_like(groups)
    scales, zeros = torch.zeros_like(low), torch.zeros_like(low)
    least = torch.full_like(low, torch.inf)
    for clip in _CLIPS:
        scale = ((high - low) * (clip / 15)).clamp(min=1e-12)
        zero = (high + low + scale) / 2  # of level 8; the middle of 0 to 15 is 7.5
        levels = ((groups - zero) / scale + 8).round().clamp(0, 15)
        error = ((levels - 8) * scale + zero - groups).square().sum(dim=2, keepdim=True)
        better = error < least
        best, least = torch.where(better, levels, best), torch.where(better, error, least)
        scales, zeros = torch.where(better, scale, scales), torch.where(better, zero, zeros)
    both = torch.cat((scales, zeros), dim=2).transpose(0, 1).contiguous()
    return best.to(torch.uint8).flatten(1), both.to(weight.dtype)
