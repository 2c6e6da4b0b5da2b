"""The speech tokenizer: features of 100 frames a second to 25 codes, and how it is trained.

Behind the interface of S3TokenizerV2 (128 mel bins in, an FSQ code of 8 digits of 3 levels out)
stands a convolutional net. It is trained to keep what is said, apart from who says it: a decoder
that is thrown away reads phones, loudness and relative pitch from the codes.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.mini.corpus import FEATURE_FRAMES_PER_TOKEN, Corpus
from recipes.mini.sizes import CODE_DIGITS, CODE_LEVELS, TOKENIZER_CHANNELS
from recipes.mini.steps import Sample
from recipes.mini.training import Recipe, train

_FEATURES = 128
_BLOCKS = 4
_CROP_TOKENS = 60
_FRAMES = 2  # phones read from every code
_HEAD_VALUES = 3  # loudness, pitch, voicing
RECIPE = Recipe(learning_rate=2e-3)


class ConvBlock(nn.Module):
    """A normed convolution and a linear layer, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.conv = nn.Conv1d(channels, channels, 5, padding=2)
        self.out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x.transpose(1, 2)).transpose(1, 2)
        out: Tensor = x + self.out(F.gelu(self.conv(y)))
        return out


class SpeechTokenizer(nn.Module):
    """Features float32 [1, 128, T] and their length int32 [1] to ids int32 [1, ceil(T / 4)]."""

    def __init__(self) -> None:
        super().__init__()
        size = TOKENIZER_CHANNELS
        self.conv1 = nn.Conv1d(_FEATURES, size, 3, stride=2, padding=1)
        self.conv2 = nn.Conv1d(size, size, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(ConvBlock(size) for _ in range(_BLOCKS))
        self.digits = nn.Conv1d(size, CODE_DIGITS, 1)

    def levels(self, features: Tensor) -> Tensor:
        """Digits before rounding, within -1 to 1, float32 [B, 8, T / 4]."""
        x = F.gelu(self.conv1(features))
        x = F.gelu(self.conv2(x))
        for block in self.blocks:
            x = block(x)
        return torch.tanh(self.digits(x))

    def forward(self, features: Tensor, length: Tensor) -> Tensor:
        digits = torch.round(self.levels(features)) + 1
        weights = torch.tensor([float(CODE_LEVELS**i) for i in range(CODE_DIGITS)])
        ids = (digits * weights.to(digits)[:, None]).sum(dim=1).to(torch.int32)
        positions = torch.arange(ids.shape[1], device=ids.device)
        # Behind the length there is nothing: those ids are cut by the caller's own count.
        valid = positions * FEATURE_FRAMES_PER_TOKEN < length.to(torch.int64)
        return torch.where(valid, ids, torch.zeros_like(ids))


class CodeReader(nn.Module):
    """Digits [B, 8, T] to logits [B, T, 2, phones] of two phones a code and [B, T, 2, 3] values."""

    def __init__(self, phones: int) -> None:
        super().__init__()
        size = TOKENIZER_CHANNELS
        self.phones = phones
        self.conv = nn.Conv1d(CODE_DIGITS, size, 3, padding=1)
        self.block = ConvBlock(size)
        self.out = nn.Conv1d(size, _FRAMES * (phones + _HEAD_VALUES), 1)

    def forward(self, digits: Tensor) -> tuple[Tensor, Tensor]:
        x = self.out(self.block(F.gelu(self.conv(digits)))).transpose(1, 2)
        x = x.unflatten(2, (_FRAMES, -1))
        return x[..., : self.phones], x[..., self.phones :]


class TokenizerTraining(nn.Module):
    """The tokenizer and what reads its codes while it learns."""

    def __init__(self, phones: int) -> None:
        super().__init__()
        self.tokenizer = SpeechTokenizer()
        self.reader = CodeReader(phones)

    def loss(
        self, features: Tensor, phones: Tensor, values: Tensor, voiced: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """features [B, 128, 4*T]; phones int64 and voiced bool [B, T, 2]; values [B, T, 2, 2]."""
        smooth = self.tokenizer.levels(features)
        hard = torch.round(smooth)
        # Noise keeps digits away from the edges between levels, where float errors would decide.
        noisy = hard + (smooth - smooth.detach())
        noisy = noisy + 0.1 * torch.randn_like(noisy)
        logits, read = self.reader(noisy)
        said = F.cross_entropy(logits.flatten(0, 2), phones.flatten())
        loud = (read[..., 0] - values[..., 0]).abs().mean()
        pitch = (read[..., 1] - values[..., 1]).abs()[voiced].mean()
        voicing = F.binary_cross_entropy_with_logits(read[..., 2], voiced.float())
        spread, doubt = digit_entropies(smooth)
        loss = said + 0.2 * loud + 1.0 * pitch + 0.2 * voicing + 0.1 * spread + 0.2 * doubt
        right = (logits.argmax(dim=-1) == phones).float().mean()
        figures = {"phones": said, "right": right, "loud": loud, "pitch": pitch}
        return loss, {**figures, "spread": spread, "doubt": doubt}


def digit_entropies(smooth: Tensor) -> tuple[Tensor, Tensor]:
    """Mean entropy of a digit over a batch, and of a single digit given its value, in nats.

    The first rises with the digits in use: unneeded ones are then left constant, which spares the
    language model from learning noise. The second falls as values move to the middle of a level.
    """
    levels = torch.tensor([-1.0, 0.0, 1.0], device=smooth.device)
    chance = torch.softmax(-8 * (smooth[..., None] - levels).square(), dim=-1)
    mean = chance.mean(dim=(0, 2))
    spread = -(mean * (mean + 1e-8).log()).sum(dim=-1).mean()
    doubt = -(chance * (chance + 1e-8).log()).sum(dim=-1).mean()
    return spread, doubt


def train_speech_tokenizer(
    corpus: Corpus,
    device: torch.device,
    batch: int,
    minutes: float,
    path: Path,
    known: SpeechTokenizer | None = None,
) -> dict[str, float]:
    """Train on random crops of the corpus; of a tokenizer that is `known`, the reader alone."""
    module = TokenizerTraining(len(corpus.inventory))
    if known is not None:
        module.tokenizer = known.requires_grad_(False)
    module.to(device)
    total = int(corpus.tokens.sum()) - _CROP_TOKENS
    log_f0 = _relative_pitch(corpus)
    loudness = corpus.mel.float().mean(dim=1)

    def step(_: Sample) -> tuple[Tensor, dict[str, Tensor]]:
        first = torch.randint(total, (batch, 1))
        fine = first * FEATURE_FRAMES_PER_TOKEN + torch.arange(
            _CROP_TOKENS * FEATURE_FRAMES_PER_TOKEN
        )
        coarse = first * _FRAMES + torch.arange(_CROP_TOKENS * _FRAMES)
        features = corpus.log_mel[fine].float().to(device).transpose(1, 2)
        features = features + 0.02 * torch.randn_like(features)
        shape = (batch, _CROP_TOKENS, _FRAMES)
        values = torch.stack((loudness[coarse], log_f0[coarse]), dim=-1)
        return module.loss(
            features,
            corpus.phones[coarse].long().view(shape).to(device),
            values.view(*shape, 2).to(device),
            (corpus.f0[coarse] > 0).view(shape).to(device),
        )

    return train(module, step, RECIPE, minutes, path)


def _relative_pitch(corpus: Corpus) -> Tensor:
    """Octaves above the utterance's own median, 0 where unvoiced."""
    result = torch.zeros(len(corpus.f0))
    for number in range(len(corpus.texts)):
        start = int(corpus.start[number]) * _FRAMES
        f0 = corpus.part("f0", number, _FRAMES).float()
        voiced = f0 > 0
        if voiced.any():
            octaves = (f0.clamp(min=1) / f0[voiced].median()).log2()
            result[start : start + len(f0)] = torch.where(voiced, octaves, 0).clamp(-1, 1)
    return result
