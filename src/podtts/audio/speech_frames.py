"""Which parts of a recording are speech, in frames of 20 ms.

Silence is 40 dB below the loud parts: room noise is about 50 dB below them, and the ends of words
less than 30 dB.
"""

from __future__ import annotations

import torch
from torch import Tensor

FRAME_SECONDS = 0.02
_SILENCE_RATIO = 0.01
_LOUD_QUANTILE = 0.95
_CLICK_RATIO = 0.1


def audible_frames(wave: Tensor, rate_hz: int) -> Tensor:
    """Return for each frame whether it is audible: bool [frames].

    wave: float64 [S] without an offset.
    """
    frame = frame_samples(rate_hz)
    power = wave[: len(wave) // frame * frame].reshape(-1, frame).square().mean(dim=1)
    if not len(power):
        return power.bool()
    # With a quantile, a single click does not set the level. A few words in a long silence are
    # below the quantile: then the maximum sets it.
    speech = torch.maximum(torch.quantile(power, _LOUD_QUANTILE), power.max() * _CLICK_RATIO**2)
    return power > _SILENCE_RATIO**2 * speech


def frame_samples(rate_hz: int) -> int:
    """Return the length of a frame in samples."""
    return round(FRAME_SECONDS * rate_hz)
