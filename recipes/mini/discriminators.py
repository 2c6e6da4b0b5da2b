"""What tells recordings from what the vocoder makes, and teaches it the difference.

Small convolutional nets see log spectrograms of several resolutions (as in UnivNet,
arXiv:2106.07889); losses are hinges with matched features (MelGAN, arXiv:1910.06711).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

SIZES = (256, 512, 1024)
_CHANNELS = 24
_FLOOR = 1e-3
_LEAK = 0.2

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
        with torch.autocast(wave.device.type, torch.bfloat16):  # half of the time on a CPU
            for conv in self.convs:
                x = F.leaky_relu(conv(x), _LEAK)
                hidden.append(x)
            logits = self.out(x)
        return logits.float(), hidden


class Discriminators(nn.Module):
    """A discriminator for every resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.ModuleList(map(Discriminator, SIZES))

    def judge(
        self, made: Tensor, wave: Tensor, alike: int, number: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Let one judge what was made and recordings, both [B, S]; the first rows say the same.

        One a step takes a third of the time of all three, which otherwise is more than half of it.

        alike: rows that say the same. number: of the discriminator.
        returns: how badly it tells one from the other, which teaches it alone; and how much of
        what was made it sees, and how unlike hidden layers are where rows are alike, which teach
        the vocoder alone.
        """
        one = self.each[number]
        right, wanted = one(wave)
        wrong = one(made.detach())[0]
        told = F.relu(1 - right).mean() + F.relu(1 + wrong).mean()
        fixed = {name: value.detach() for name, value in one.named_parameters()}
        logits, found = functional_call(one, fixed, (made,))
        unlike = torch.zeros((), device=wave.device)
        for ours, theirs in zip(found, wanted, strict=True):
            theirs = theirs[:alike].detach()
            distance = F.l1_loss(ours[:alike], theirs) / theirs.abs().mean()
            unlike = unlike + distance / len(found)
        return told, -logits.mean(), unlike
