"""What tells recordings from what the vocoder makes, and teaches it the difference.

Small convolutional nets see log spectrograms of several resolutions (as in UnivNet,
arXiv:2106.07889); losses are hinges with matched features (MelGAN, arXiv:1910.06711).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

_SIZES = (256, 512, 1024)
_CHANNELS = 24
_FLOOR = 1e-3
_LEAK = 0.2
_MATCHING = 2.0

Judgement = tuple[Tensor, list[Tensor]]  # logits, positive for recordings, and hidden layers


class Discriminator(nn.Module):
    """Judges stretches of a wave by its spectrogram of one resolution."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        wide, narrow, channels = (9, 3), (3, 3), _CHANNELS
        self.convs = nn.ModuleList(
            (
                nn.Conv2d(1, channels, wide, stride=(2, 1), padding=(4, 1)),
                nn.Conv2d(channels, channels, wide, stride=(2, 2), padding=(4, 1)),
                nn.Conv2d(channels, 2 * channels, wide, stride=(2, 2), padding=(4, 1)),
                nn.Conv2d(2 * channels, 2 * channels, narrow, padding=1),
            )
        )
        self.out = nn.Conv2d(2 * channels, 1, narrow, padding=1)

    def forward(self, wave: Tensor) -> Judgement:
        """Judge waves [B, S]."""
        window = torch.hann_window(self.size, device=wave.device)
        spectrum = torch.stft(wave, self.size, self.size // 4, window=window, return_complex=True)
        magnitude = (spectrum.real.square() + spectrum.imag.square() + _FLOOR**2).sqrt()
        x = magnitude.log()[:, None]
        hidden = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), _LEAK)
            hidden.append(x)
        return self.out(x), hidden


class Discriminators(nn.Module):
    """A discriminator for every resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.ModuleList(map(Discriminator, _SIZES))

    def loss(self, made: Tensor, wave: Tensor) -> Tensor:
        """How badly they tell a recording from what was made, both [B, S]; teaches them alone."""
        total = torch.zeros((), device=wave.device)
        for one in self.each:
            right, wrong = one(wave)[0], one(made.detach())[0]
            total = total + F.relu(1 - right).mean() + F.relu(1 + wrong).mean()
        return total / len(self.each)

    def criticism(self, made: Tensor, wave: Tensor) -> Tensor:
        """How much of what was made they see; teaches the vocoder alone."""
        total = torch.zeros((), device=wave.device)
        for one in self.each:
            fixed = {name: value.detach() for name, value in one.named_parameters()}
            logits, found = functional_call(one, fixed, (made,))
            with torch.no_grad():
                wanted = one(wave)[1]
            matching = [
                F.l1_loss(ours, theirs) / theirs.abs().mean()
                for ours, theirs in zip(found, wanted, strict=True)
            ]
            total = total - logits.mean() + _MATCHING * sum(matching) / len(matching)
        return total / len(self.each)
