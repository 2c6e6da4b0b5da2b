"""A target that a small vocoder can learn from: the recording with the phases of its own source.

Distances of magnitudes tell the vocoder nothing about phases, and a small one never learns to keep
harmonics. With the phases of the excitation that it is given, every frame has one right spectrum.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.rates import MEL_HOP, OUTPUT_HZ
from podtts.vocoder.source import SINE_AMPLITUDE, UNVOICED_NOISE, VOICED_NOISE

WAVES = 24  # harmonics of a voice at 150 Hz reach 3.6 kHz; the tanh behind them adds higher ones
MIX = 1.0  # the weight of every wave, which stays: the targets rest on it
_WINDOW, _HOP = 320, 40
_VOICED_HZ = 30.0
_FLOOR = 1e-6


def excitation(f0: Tensor, noise: Tensor) -> Tensor:
    """What `HarmonicSource` gives with equal weights, float32 [S], for f0 [S / 480] in Hz.

    noise: standard normal [S]. The sum of equal sines has a closed form, which is much cheaper.
    """
    turns = (f0.double() / OUTPUT_HZ).cumsum(0) * MEL_HOP
    half = torch.pi * F.interpolate(turns[None, None], scale_factor=float(MEL_HOP), mode="linear")
    half = half[0, 0] % torch.pi
    bottom = half.sin()
    sines = (half.cos() - ((2 * WAVES + 1) * half).cos()) / (2 * bottom)
    sines = torch.where(bottom.abs() < _FLOOR, 0, sines).float()
    voiced = (f0 > _VOICED_HZ).float().repeat_interleave(MEL_HOP)
    amplitude = voiced * VOICED_NOISE + (1 - voiced) * UNVOICED_NOISE
    return torch.tanh(MIX * (SINE_AMPLITUDE * sines * voiced + WAVES**0.5 * amplitude * noise))


def aligned(wave: Tensor, source: Tensor) -> Tensor:
    """A wave's magnitudes with the phases of its source; both float32 [S]."""
    window = torch.hann_window(_WINDOW)

    def spectrum(x: Tensor) -> Tensor:
        return torch.stft(x, _WINDOW, _HOP, window=window, return_complex=True)

    phases = spectrum(source)
    phases = phases / phases.abs().clamp(min=_FLOOR)
    return torch.istft(
        spectrum(wave).abs() * phases, _WINDOW, _HOP, window=window, length=len(wave)
    )
