"""Features as a shorter or longer vocal tract would give them: all frequencies times a factor.

Source: vocal tract length perturbation, Jaitly and Hinton, ICML 2013 workshop on deep learning for
audio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from podtts.rates import ENCODER_HZ

# Slaney's mels: linear below 1 kHz, then 27 of them for a factor of 6.4.
_LINEAR_HZ, _CORNER_HZ, _STEPS, _OCTAVES = 200 / 3, 1000.0, 27.0, math.log(6.4)


def scaled(features: Tensor, factor: float) -> Tensor:
    """Log mel [..., bins, T] up to half of the encoders' rate, its frequencies times `factor`."""
    bins = features.shape[-2]
    top = _mel(torch.tensor(ENCODER_HZ / 2, dtype=torch.float64))
    centres = torch.linspace(0, 1, bins + 2, dtype=torch.float64)[1:-1] * top
    place = _mel(_hertz(centres) / factor) / top * (bins + 1) - 1
    place = place.clamp(0, bins - 1)
    below = place.long().clamp(max=bins - 2)
    share = (place - below).to(features)[:, None]
    return features[..., below, :] * (1 - share) + features[..., below + 1, :] * share


def scalings(bins: int, factors: Sequence[float]) -> Tensor:
    """What `scaled` does with each factor, as matrices [factors, bins, bins] behind log mels."""
    each = torch.eye(bins)
    return torch.stack([scaled(each, factor).T for factor in factors])


def _mel(hertz: Tensor) -> Tensor:
    corner = _CORNER_HZ / _LINEAR_HZ
    above = corner + (hertz.clamp(min=_CORNER_HZ) / _CORNER_HZ).log() * (_STEPS / _OCTAVES)
    return torch.where(hertz < _CORNER_HZ, hertz / _LINEAR_HZ, above)


def _hertz(mel: Tensor) -> Tensor:
    corner = _CORNER_HZ / _LINEAR_HZ
    above = _CORNER_HZ * ((mel - corner) * (_OCTAVES / _STEPS)).exp()
    return torch.where(mel < corner, mel * _LINEAR_HZ, above)
