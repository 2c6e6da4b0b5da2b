"""The residual blocks of the vocoder: most of its work.

Source: residual blocks of jik876/hifi-gan (arXiv:2010.05646), MIT, with Snake activations
(arXiv:2006.08195). `podtts.vocoder.native_level` computes the same in compiled code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from podtts.device.cancellation import raise_if_cancelled
from podtts.nn.convolution import Conv

DILATIONS = (1, 3, 5)


class Snake(nn.Module):
    """x + sin²(αx)/α, for x [B, positions, channels]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        # In place: fresh memory costs as much as the sine.
        waves = (x * self.alpha).sin_().square_()
        return waves.mul_(1 / (self.alpha + 1e-9)).add_(x)


class ResidualStep(nn.Module):
    """A dilated and a plain convolution, each after a Snake, and a residual connection."""

    def __init__(self, channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.snake1, self.snake2 = Snake(channels), Snake(channels)
        self.conv1 = Conv(
            channels, channels, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2
        )
        self.conv2 = Conv(channels, channels, kernel, padding=(kernel - 1) // 2)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        y = masked(self.conv1(self.snake1(x)), mask)
        out: Tensor = masked(self.conv2(self.snake2(y)), mask).add_(x)
        return out


class ResidualBlock(nn.Module):
    """Residual steps of increasing dilation."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(ResidualStep(channels, kernel, d) for d in DILATIONS)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        for step in self.steps:
            raise_if_cancelled()
            x = step(x, mask)
        return x


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """Zero the padding of x [B, positions, C], as a convolution pads a single row."""
    return x if mask is None else x * mask
