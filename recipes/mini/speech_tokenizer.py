"""The speech tokenizer: features of 100 frames a second to 25 codes, and how it is trained.

Behind the interface of S3TokenizerV2 (128 mel bins in, codes below 6561 out) stands a convolutional
net. As S3's, it is supervised: it learns to hear the phones and the pitch that the teacher says it
has spoken (`phone_codes`). Only prompts are heard; all turns come from text.
"""

from __future__ import annotations

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.mini.corpus import FEATURE_FRAMES_PER_TOKEN, Corpus
from recipes.mini.phone_codes import MIDDLE, PHONE_CODES, PITCH_LEVELS
from recipes.mini.sizes import TOKENIZER_CHANNELS
from recipes.mini.steps import Sample
from recipes.mini.training import Recipe, train
from recipes.mini.vocal_tract import scaled

_FEATURES = 128
_BLOCKS = 4
_WHOLE_BEHIND = 1  # the block behind which every frame learns of the whole recording
_CROP_TOKENS = 80
_SCALED_SHARE = 0.6  # of the steps: voices never learnt from have other vocal tracts
_FACTORS = (0.85, 1.18)
_NOISE, _LOUDNESS = 0.03, 0.1  # added to log mels
_MASKED = (24, 12)  # at most so many mel bins and feature frames of a crop are hidden, twice each
_DROPOUT = 0.3
_PITCH_WEIGHT = 0.5
RECIPE = Recipe(learning_rate=2e-3)


class ConvBlock(nn.Module):
    """A normed convolution and a linear layer, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.conv = nn.Conv1d(channels, channels, 5, padding=2)
        self.out = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(_DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x.transpose(1, 2)).transpose(1, 2)
        out: Tensor = x + self.out(self.dropout(F.gelu(self.conv(y))))
        return out


class SpeechTokenizer(nn.Module):
    """Features float32 [1, 128, T] and their length int32 [1] to ids int32 [1, ceil(T / 4)]."""

    def __init__(self) -> None:
        super().__init__()
        size = TOKENIZER_CHANNELS
        self.conv1 = nn.Conv1d(_FEATURES, size, 3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(size, size, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(ConvBlock(size) for _ in range(_BLOCKS))
        self.whole = nn.Conv1d(size, size, 1)  # of the mean: pitch is relative to the speaker's
        self.out = nn.Conv1d(size, PHONE_CODES + 1, 1)

    def heard(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, 81, T / 4] of phones, and levels of pitch above the middle [B, T / 4]."""
        x = F.gelu(self.conv1(features))
        x = F.gelu(self.conv2(x))
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number == _WHOLE_BEHIND:
                x = x + self.whole(x.mean(dim=2, keepdim=True))
        x = self.out(x)
        return x[:, :PHONE_CODES], x[:, PHONE_CODES]

    def forward(self, features: Tensor, length: Tensor) -> Tensor:
        logits, levels = self.heard(features)
        phones = logits.argmax(dim=1)
        pitch = (torch.round(levels) + MIDDLE).clamp(0, PITCH_LEVELS - 1).to(torch.int64)
        ids = phones + PHONE_CODES * torch.where(phones == 0, MIDDLE, pitch)
        positions = torch.arange(ids.shape[1], device=ids.device)
        # Behind the length there is nothing: those ids are cut by the caller's own count.
        valid = positions * FEATURE_FRAMES_PER_TOKEN < length.to(torch.int64)
        return torch.where(valid, ids, 0).to(torch.int32)


class TokenizerTraining(nn.Module):
    """The tokenizer with its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.tokenizer = SpeechTokenizer()

    def loss(self, features: Tensor, codes: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """features [B, 128, 4*T] and their codes int64 [B, T]."""
        logits, levels = self.tokenizer.heard(features)
        phones, pitch = codes % PHONE_CODES, codes // PHONE_CODES - MIDDLE
        said = F.cross_entropy(logits.float(), phones)
        # A pause has no pitch.
        spoken = (phones != 0).float()
        off = F.smooth_l1_loss(levels.float(), pitch.float(), reduction="none")
        off = (off * spoken).sum() / spoken.sum().clamp(min=1)
        right = (logits.argmax(dim=1) == phones).float().mean()
        return said + _PITCH_WEIGHT * off, {"phones": said, "right": right, "pitch": off}


def masked(features: Tensor) -> Tensor:
    """Hide stripes of features [B, bins, T], as in SpecAugment (arXiv:1904.08779)."""
    batch, *sizes = features.shape
    for axis, (size, most) in enumerate(zip(sizes, _MASKED, strict=True)):
        for _ in range(2):
            width = torch.rand(batch, 1, device=features.device) * most
            start = torch.rand(batch, 1, device=features.device) * (size - width)
            at = torch.arange(size, device=features.device)
            hidden = (at >= start) & (at < start + width)
            shape = (batch, size, 1) if axis == 0 else (batch, 1, size)
            features = features.masked_fill(hidden.view(shape), 0.0)
    return features


def train_speech_tokenizer(
    corpus: Corpus, device: torch.device, batch: int, minutes: float, path: Path
) -> dict[str, float]:
    """Train on random crops of the corpus."""
    module = TokenizerTraining().to(device)
    total = int(corpus.tokens.sum()) - _CROP_TOKENS

    def step(_: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        rng = random.Random(int(torch.randint(2**31, ())))
        first = torch.randint(total, (batch, 1))
        fine = first * FEATURE_FRAMES_PER_TOKEN + torch.arange(
            _CROP_TOKENS * FEATURE_FRAMES_PER_TOKEN
        )
        features = corpus.log_mel[fine].float().to(device).transpose(1, 2)
        if rng.random() < _SCALED_SHARE:
            features = scaled(features, rng.uniform(*_FACTORS))
        features = features + _NOISE * torch.randn_like(features)
        features = masked(features + _LOUDNESS * torch.randn(batch, 1, 1, device=device))
        codes = corpus.codes[first + torch.arange(_CROP_TOKENS)].long().to(device)
        with torch.autocast(device.type, torch.bfloat16):
            return module.loss(features, codes)

    return train(module, step, RECIPE, minutes, path)
