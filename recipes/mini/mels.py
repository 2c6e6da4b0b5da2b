"""Natural-log mels as inputs of what is trained."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Of speech: first layers start out as if they saw mels normalised.
MEL_MEAN, MEL_DEVIATION = -5.0, 3.0
_BLUR, _ROUGHNESS = 0.5, 0.1


def normalise_input(conv: nn.Conv1d, mean: float, deviation: float) -> None:
    """Let a convolution start as if its input were shifted and scaled to unit variance."""
    assert conv.bias is not None
    with torch.no_grad():
        conv.weight.div_(deviation)
        conv.bias.sub_(mean * conv.weight.sum(dim=(1, 2)))


def worn(mel: Tensor) -> Tensor:
    """Blur and roughen the first half of mels [B, F, 80]: those of a flow are never quite sharp."""
    half = len(mel) // 2
    some = mel[:half]
    amount = _BLUR * torch.rand(half, 1, 1, device=mel.device)
    smooth = F.avg_pool1d(some, 3, 1, 1, count_include_pad=False)
    rough = _ROUGHNESS * torch.rand(half, 1, 1, device=mel.device) * torch.randn_like(some)
    return torch.cat((some + amount * (smooth - some) + rough, mel[half:]))
