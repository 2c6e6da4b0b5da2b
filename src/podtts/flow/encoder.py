"""Speech tokens (25 Hz) to the conditions of the estimator (50 Hz): an upsampling conformer.

Source: CosyVoice 2 (arXiv:2412.10117), FunAudioLLM/CosyVoice, Apache-2.0, whose conformer descends
from espnet/espnet and wenet-e2e/wenet; relative positions as in Transformer-XL (arXiv:1901.02860).
Implemented anew; golden tests compare with the published numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.device.cancellation import raise_if_cancelled
from podtts.flow.masks import valid_positions, visible_keys, zero_padding
from podtts.nn.carried import Carried

UPSAMPLING = 2  # mel frames per token


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of the encoder."""

    input_size: int
    size: int
    heads: int
    feed_forward_size: int
    layers: int  # at token rate
    up_layers: int  # at frame rate
    lookahead: int  # later tokens that the first convolution sees
    lookahead_kernel: int  # of the causal convolution after it
    upsampling_kernel: int


class Embed(nn.Module):
    """Projection to the encoder's size, scaled by its square root."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, size)
        self.norm = nn.LayerNorm(size, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.linear(x))
        return out * math.sqrt(out.shape[-1])


class Lookahead(nn.Module):
    """A convolution over the next tokens, then a causal one, and a residual connection."""

    def __init__(self, size: int, lookahead: int, kernel: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(size, size, lookahead + 1)
        self.conv2 = nn.Conv1d(size, size, kernel)

    def forward(self, x: Tensor) -> Tensor:
        y = F.pad(x.transpose(1, 2), (0, self.conv1.kernel_size[0] - 1))
        y = F.leaky_relu(self.conv1(y))
        y = self.conv2(F.pad(y, (self.conv2.kernel_size[0] - 1, 0)))
        out: Tensor = x + y.transpose(1, 2)
        return out

    def extend(self, x: Tensor, following: Tensor, carried: Carried) -> Tensor:
        """x [B, T, C] goes on where the call before ended.

        following: the tokens behind x, as many as the look-ahead sees or as there are.
        """
        seen = torch.cat((x, following), dim=1)
        missing = self.conv1.kernel_size[0] - 1 - following.shape[1]
        y = F.leaky_relu(self.conv1(F.pad(seen.transpose(1, 2), (0, missing)))).transpose(1, 2)
        y = carried.with_context(y, self.conv2.kernel_size[0] - 1)
        out: Tensor = x + self.conv2(y.transpose(1, 2)).transpose(1, 2)
        return out


class Upsample(nn.Module):
    """Repeats every token, then applies a causal convolution."""

    def __init__(self, size: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(size, size, kernel)

    def forward(self, x: Tensor) -> Tensor:
        y = x.transpose(1, 2).repeat_interleave(UPSAMPLING, dim=2)
        out: Tensor = self.conv(F.pad(y, (self.conv.kernel_size[0] - 1, 0))).transpose(1, 2)
        return out

    def extend(self, x: Tensor, carried: Carried) -> Tensor:
        """x [B, T, C] goes on where the call before ended."""
        y = x.repeat_interleave(UPSAMPLING, dim=1)
        y = carried.with_context(y, self.conv.kernel_size[0] - 1)
        out: Tensor = self.conv(y.transpose(1, 2)).transpose(1, 2)
        return out


class RelativeAttention(nn.Module):
    """Attention whose scores add a term for the distance between query and key."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.out = nn.Linear(size, size)
        self.position = nn.Linear(size, size, bias=False)
        self.bias_u = nn.Parameter(torch.zeros(heads, size // heads))
        self.bias_v = nn.Parameter(torch.zeros(heads, size // heads))

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def forward(
        self,
        x: Tensor,
        distances: Tensor,
        visible: Tensor | None,
        carried: Carried | None = None,
    ) -> Tensor:
        """distances: see `distance_encoding`, of all queries and keys."""
        batch, size, channels = x.shape
        q, k, v = self._split(self.query(x)), self._split(self.key(x)), self._split(self.value(x))
        if carried is not None:
            k, v = carried.with_earlier_keys(k, v)
        scale = 1 / math.sqrt(q.shape[-1])
        by_distance = self._split(self.position(distances))  # [1, heads, distances, head size]
        scores = ((q + self.bias_v[:, None]) * scale) @ by_distance.transpose(-2, -1)
        # A row holds the distances from the largest down, and a query needs, of each key, how far
        # it is behind: one more than the query before. So a row starts one column to the left of
        # the row before: a view, not a copy.
        scores = scores.contiguous()
        rows = (scores.stride(0), scores.stride(1), scores.stride(2) - 1, 1)
        bias = scores.as_strided((batch, self.heads, size, k.shape[2]), rows, size - 1)
        if visible is not None:
            bias = bias.masked_fill(~visible, -torch.inf)
        if bias.device.type != "cpu":
            bias = bias.contiguous()  # attention on CUDA reads words, and rows begin between them
        y = F.scaled_dot_product_attention(
            q + self.bias_u[:, None], k, v, attn_mask=bias, scale=scale
        )
        out: Tensor = self.out(y.transpose(1, 2).reshape(batch, size, channels))
        return out


class FeedForward(nn.Module):
    """Two linear layers and SiLU between them."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.expand = nn.Linear(size, hidden)
        self.contract = nn.Linear(hidden, size)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.contract(F.silu(self.expand(x)))
        return out


class ConformerLayer(nn.Module):
    """Attention, then feed-forward; the published encoder has no convolution module here."""

    def __init__(self, size: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(size, eps=1e-12)
        self.attention = RelativeAttention(size, heads)
        self.norm_feed_forward = nn.LayerNorm(size, eps=1e-12)
        self.feed_forward = FeedForward(size, hidden)

    def forward(
        self,
        x: Tensor,
        distances: Tensor,
        visible: Tensor | None,
        carried: Carried | None = None,
    ) -> Tensor:
        x = x + self.attention(self.norm_attention(x), distances, visible, carried)
        out: Tensor = x + self.feed_forward(self.norm_feed_forward(x))
        return out


class Encoder(nn.Module):
    """Embedded tokens [B, T, C] to hidden frames [B, 2*T, C]."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        layer = (config.size, config.heads, config.feed_forward_size)
        self.embed = Embed(config.input_size, config.size)
        self.lookahead = Lookahead(config.size, config.lookahead, config.lookahead_kernel)
        self.layers = nn.ModuleList(ConformerLayer(*layer) for _ in range(config.layers))
        self.upsample = Upsample(config.size, config.upsampling_kernel)
        self.up_embed = Embed(config.size, config.size)
        self.up_layers = nn.ModuleList(ConformerLayer(*layer) for _ in range(config.up_layers))
        self.norm = nn.LayerNorm(config.size, eps=1e-5)

    def forward(self, x: Tensor, lengths: Tensor, chunk_tokens: int) -> Tensor:
        """Encode x [B, T, C]; chunk_tokens: 0 for full attention.

        lengths: integers [B] on the CPU.
        """
        size, device = x.shape[1], x.device
        valid = valid_positions(lengths, size, device)
        valid_frames = valid_positions(lengths * UPSAMPLING, size * UPSAMPLING, device)
        tokens = visible_keys(valid, size, chunk_tokens, device)
        frames = visible_keys(valid_frames, size * UPSAMPLING, chunk_tokens * UPSAMPLING, device)
        # The embedding's bias is in the padding, too, and the look-ahead would see it.
        return self.encode(zero_padding(self.embed(x), valid), tokens, frames)

    def encode(self, x: Tensor, tokens: Tensor | None, frames: Tensor | None) -> Tensor:
        """What follows `embed`, with any masks: x [B, T, C] to hidden frames [B, 2*T, C].

        tokens, frames: the keys that each token and each frame sees, bool [B or 1, 1, T or 1, T]
                        and the same of 2*T; None: all.
        """
        x = _attend(self.lookahead(x), self.layers, tokens)
        x = _attend(self.up_embed(self.upsample(x)), self.up_layers, frames)
        out: Tensor = self.norm(x)
        return out

    def extend(self, x: Tensor, count: int, past: int, carried: Carried) -> Tensor:
        """Encode the next tokens of a sequence: [B, 2*count, C].

        x:    [B, T, C], these tokens and, behind them, those that the look-ahead sees.
        past: the number of tokens of earlier calls. A token sees these, and those of this call.
        """
        x = self.embed(x)
        x = self.lookahead.extend(x[:, :count], x[:, count:], carried)
        x = _extend(x, self.layers, past, carried)
        x = self.up_embed(self.upsample.extend(x, carried))
        x = _extend(x, self.up_layers, past * UPSAMPLING, carried)
        out: Tensor = self.norm(x)
        return out


def _attend(x: Tensor, layers: nn.ModuleList, visible: Tensor | None) -> Tensor:
    distances = distance_encoding(x.shape[1], x.shape[2], device=x.device).to(x)
    for layer in layers:
        raise_if_cancelled()
        x = layer(x, distances, visible)
    return x


def _extend(x: Tensor, layers: nn.ModuleList, past: int, carried: Carried) -> Tensor:
    size, channels = past + x.shape[1], x.shape[2]
    distances = distance_encoding(size, channels, queries=x.shape[1], device=x.device).to(x)
    for layer in layers:
        raise_if_cancelled()
        x = layer(x, distances, None, carried)
    return x


def distance_encoding(
    size: int, channels: int, *, queries: int | None = None, device: torch.device | None = None
) -> Tensor:
    """Sines and cosines of distances size-1 down to 1-queries, float32 [1, distances, channels].

    queries: how many of the last positions attend to all `size` positions; None: all do.
    """
    distance = torch.arange(size - 1, -(queries or size), -1, dtype=torch.float32, device=device)
    channel = torch.arange(0, channels, 2, device=device).float()
    angles = distance[:, None] * torch.exp(channel * (-math.log(10_000.0) / channels))
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1)[None]
