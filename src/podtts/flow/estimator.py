"""The velocity field of the flow: a causal U-Net of convolutions and transformer blocks.

Source: CosyVoice 2 (arXiv:2412.10117), FunAudioLLM/CosyVoice, Apache-2.0; its U-Net descends from
shivammehta25/Matcha-TTS (arXiv:2309.03199), MIT. Implemented anew; golden tests compare with the
published numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.flow.attention import attend
from podtts.flow.masks import added_to_scores, visible_keys
from podtts.nn.carried import Carried
from podtts.nn.convolution import CausalConv, Conv


@dataclass(frozen=True)
class EstimatorConfig:
    """Sizes of the estimator."""

    input_channels: int  # [x, mu, speaker, prompt mel], 80 each
    output_channels: int
    channels: int
    time_size: int
    heads: int
    head_size: int
    feed_forward_size: int
    blocks: int  # transformer blocks a stage
    middle_stages: int


class ConvBlock(nn.Module):
    """Causal convolution, norm over channels, Mish; padding is zero before and after.

    Here and below x is [B, F, channels]; mask is [B, F, 1], None when no row is padded. With
    `carried`, x are the frames behind those of the call before, and no row is padded.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = CausalConv(inputs, outputs, 3)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x: Tensor, mask: Tensor | None, carried: Carried | None = None) -> Tensor:
        return _masked(F.mish(self.norm(self.conv(_masked(x, mask), carried))), mask)


class ResNet(nn.Module):
    """Two convolution blocks around the time embedding, and a shortcut."""

    def __init__(self, inputs: int, outputs: int, time_size: int) -> None:
        super().__init__()
        self.time = nn.Linear(time_size, outputs)
        self.block1 = ConvBlock(inputs, outputs)
        self.block2 = ConvBlock(outputs, outputs)
        self.shortcut = Conv(inputs, outputs, 1)

    def forward(
        self, x: Tensor, mask: Tensor | None, time: Tensor, carried: Carried | None = None
    ) -> Tensor:
        y = self.block1(x, mask, carried) + self.time(F.mish(time))[:, None]
        out: Tensor = self.block2(y, mask, carried) + self.shortcut(_masked(x, mask))
        return out


class Attention(nn.Module):
    """Self-attention without positions: the convolutions around it encode them."""

    def __init__(self, channels: int, heads: int, head_size: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(channels, heads * head_size, bias=False)
        self.key = nn.Linear(channels, heads * head_size, bias=False)
        self.value = nn.Linear(channels, heads * head_size, bias=False)
        self.out = nn.Linear(heads * head_size, channels)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def forward(self, x: Tensor, visible: Tensor | None, carried: Carried | None = None) -> Tensor:
        q, k, v = self._split(self.query(x)), self._split(self.key(x)), self._split(self.value(x))
        if carried is not None:
            k, v = carried.with_earlier_keys(k, v)
        y = attend(q, k, v, visible)
        out: Tensor = self.out(y.transpose(1, 2).flatten(2))
        return out


class FeedForward(nn.Module):
    """Two linear layers and GELU between them."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.expand = nn.Linear(channels, hidden)
        self.contract = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.contract(F.gelu(self.expand(x)))
        return out


class TransformerBlock(nn.Module):
    """Attention, then feed-forward, each after a norm and with a residual connection."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.channels)
        self.attention = Attention(config.channels, config.heads, config.head_size)
        self.norm_feed_forward = nn.LayerNorm(config.channels)
        self.feed_forward = FeedForward(config.channels, config.feed_forward_size)

    def forward(self, x: Tensor, visible: Tensor | None, carried: Carried | None = None) -> Tensor:
        x = x + self.attention(self.norm_attention(x), visible, carried)
        out: Tensor = x + self.feed_forward(self.norm_feed_forward(x))
        return out


class Stage(nn.Module):
    """A ResNet and its transformer blocks."""

    def __init__(self, inputs: int, config: EstimatorConfig) -> None:
        super().__init__()
        self.resnet = ResNet(inputs, config.channels, config.time_size)
        self.blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.blocks))

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None,
        time: Tensor,
        visible: Tensor | None,
        carried: Carried | None = None,
    ) -> Tensor:
        y: Tensor = self.resnet(x, mask, time, carried)
        for block in self.blocks:
            y = block(y, visible, carried)
        return y


class TimeEmbedding(nn.Module):
    """The flow's time as sines and cosines, through two linear layers."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.size = size
        self.linear_1 = nn.Linear(size, hidden)
        self.linear_2 = nn.Linear(hidden, hidden)

    def forward(self, t: Tensor) -> Tensor:
        waves = time_waves(t, self.size).to(self.linear_1.weight.dtype)
        out: Tensor = self.linear_2(F.silu(self.linear_1(waves)))
        return out


def time_waves(t: Tensor, size: int) -> Tensor:
    """Sines, then cosines of times t [B] in [0, 1], float32 [B, size]."""
    half = size // 2
    steps = torch.arange(half, dtype=torch.float32, device=t.device)
    angles = 1000 * t[:, None] * torch.exp(steps * (-math.log(10_000.0) / (half - 1)))
    return torch.cat((angles.sin(), angles.cos()), dim=-1)


class Estimator(nn.Module):
    """Computes the velocity of x at time t."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.time = TimeEmbedding(config.input_channels, config.time_size)
        self.down = Stage(config.input_channels, config)
        self.down_conv = CausalConv(channels, channels, 3)
        self.middle = nn.ModuleList(Stage(channels, config) for _ in range(config.middle_stages))
        self.up = Stage(2 * channels, config)
        self.up_conv = CausalConv(channels, channels, 3)
        self.final = ConvBlock(channels, channels)
        self.out = Conv(channels, config.output_channels, 1)

    def forward(self, x: Tensor, valid: Tensor | None, t: Tensor, chunk_frames: int) -> Tensor:
        """Velocity float32 [B, 80, F] for x [B, 320, F] at times t [B].

        valid: bool [B, F], None when no row is padded. chunk_frames: 0 for full attention.
        """
        visible = visible_keys(valid, x.shape[2], chunk_frames, x.device)
        return self.velocity(x, valid, t, visible)

    def extend(self, x: Tensor, t: Tensor, carried: Carried) -> Tensor:
        """Velocity float32 [B, 80, F] of the next frames of a sequence, x [B, 320, F].

        They see one another and all frames of earlier calls.
        """
        return self.velocity(x, None, t, None, carried)

    def velocity(
        self,
        x: Tensor,
        valid: Tensor | None,
        t: Tensor,
        visible: Tensor | None,
        carried: Carried | None = None,
    ) -> Tensor:
        """Like `forward`, with any mask of keys: bool [B or 1, 1, F, F], None: all are seen."""
        x = x.transpose(1, 2).to(self.out.weight.dtype).contiguous()
        time = self.time(t)
        mask = None if valid is None else valid[:, :, None].to(x.dtype)
        visible = added_to_scores(visible, x.dtype)
        skip = self.down(x, mask, time, visible, carried)
        y = self.down_conv(_masked(skip, mask), carried)
        for stage in self.middle:
            y = stage(y, mask, time, visible, carried)
        y = self.up(torch.cat((y, skip), dim=2), mask, time, visible, carried)
        y = self.final(self.up_conv(_masked(y, mask), carried), mask, carried)
        return _masked(self.out(y), mask).transpose(1, 2).float()


def _masked(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask
