"""One-dimensional convolutions in channels-last layout: x [B, positions, channels].

oneDNN's kernels on the CPU reach their best speed only in this layout (docs/performance.md), and
norms and linear layers around them need no transposed copies.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from podtts.nn.carried import Carried


class Conv(nn.Conv1d):
    """A convolution of x [B, positions, channels], zero-padded, in the precision of its weights."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (the name nn.Conv1d gives it)
        return self.with_padding(input, int(self.padding[0]))

    def with_padding(self, x: Tensor, padding: int) -> Tensor:
        """Convolve with so many zeros on both sides in place of the layer's own."""
        y = F.conv2d(
            _flat(x.to(self.weight.dtype)),
            self.weight[:, :, None],
            self.bias,
            stride=(1, *self.stride),
            padding=(0, padding),
            dilation=(1, *self.dilation),
        )
        return _rows(y).to(x.dtype)


class CausalConv(Conv):
    """A convolution over the current and earlier positions only.

    With `carried`, the input goes on where the call before ended.
    """

    def forward(self, input: Tensor, carried: Carried | None = None) -> Tensor:  # noqa: A002
        size = self.kernel_size[0] - 1
        if carried is None:
            return super().forward(F.pad(input, (0, 0, size, 0)))
        return super().forward(carried.with_context(input, size))


class TransposedConv(nn.ConvTranspose1d):
    """A transposed convolution of x [B, positions, channels]."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002
        return self.with_padding(input, int(self.padding[0]))

    def with_padding(self, x: Tensor, padding: int) -> Tensor:
        """Convolve, and cut so many outputs off both ends in place of the layer's own number."""
        y = F.conv_transpose2d(
            _flat(x),
            self.weight[:, :, None],
            self.bias,
            stride=(1, *self.stride),
            padding=(0, padding),
        )
        return _rows(y)


def _flat(x: Tensor) -> Tensor:
    """View [B, positions, channels] as an image of one row, [B, channels, 1, positions]."""
    return x.transpose(1, 2)[:, :, None]


def _rows(y: Tensor) -> Tensor:
    """View an image of one row as [B, positions, channels]."""
    return y[:, :, 0].transpose(1, 2)
