"""Pitch from mel: five convolutions and a linear layer.

Source: HiFTNet (arXiv:2309.09493) as in FunAudioLLM/CosyVoice, Apache-2.0. Implemented anew.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class F0Predictor(nn.Module):
    """mel [B, 80, F] to f0 in Hz [B, F], the absolute value of the linear layer."""

    def __init__(self, channels: int, kernels: tuple[int, ...], mel_bins: int) -> None:
        super().__init__()
        inputs = (mel_bins, *[channels] * (len(kernels) - 1))
        self.convs = nn.ModuleList(
            nn.Conv1d(size, channels, kernel, padding=kernel // 2)
            for size, kernel in zip(inputs, kernels, strict=True)
        )
        self.linear = nn.Linear(channels, 1)

    def forward(self, mel: Tensor) -> Tensor:
        x = mel
        for conv in self.convs:
            x = F.elu(conv(x))
        out: Tensor = self.linear(x.transpose(1, 2)).squeeze(2).abs()
        return out
