"""The harmonic source: a fundamental and its overtones following f0, with noise.

Source: neural source-filter models (arXiv:1904.12088) as in HiFTNet (arXiv:2309.09493) and
FunAudioLLM/CosyVoice, Apache-2.0. Implemented anew, without the published random start phases of
the overtones, which have no effect on the result.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.device.placement import has_float64
from podtts.rates import MEL_HOP, OUTPUT_HZ

SINE_AMPLITUDE = 0.1
VOICED_NOISE = 0.003
UNVOICED_NOISE = SINE_AMPLITUDE / 3


class HarmonicSource(nn.Module):
    """Turns f0 per frame into an excitation signal per sample."""

    def __init__(self, waves: int, voiced_threshold_hz: float) -> None:
        super().__init__()
        self.voiced_threshold_hz = voiced_threshold_hz
        self.mix = nn.Linear(waves, 1)

    @property
    def waves(self) -> int:
        """Number of sines: the fundamental and its overtones."""
        return self.mix.in_features

    def forward(self, f0: Tensor, noise: Tensor) -> Tensor:
        """Excitation float32 [B, S] for f0 [B, F] in Hz and noise [B, waves, S], S = 480*F.

        f0 must be 0 after a row's end, so that its phase is constant there.
        """
        voiced = self.voiced(f0).repeat_interleave(MEL_HOP, dim=1)[:, None]
        return self.excitation(self.phase(f0), voiced, noise)

    def voiced(self, f0: Tensor) -> Tensor:
        """1 where f0 [B, F] is a voice's, else 0."""
        return (f0 > self.voiced_threshold_hz).float()

    def excitation(self, phase: Tensor, voiced: Tensor, noise: Tensor) -> Tensor:
        """Excitation [B, S] for phase and noise [B, waves, S], voiced [B, 1, S]."""
        amplitude = voiced * VOICED_NOISE + (1 - voiced) * UNVOICED_NOISE
        sines = SINE_AMPLITUDE * torch.sin(phase) * voiced + amplitude * noise
        out: Tensor = torch.tanh(self.mix(sines.transpose(1, 2)))
        return out.squeeze(2)

    def phase(self, f0: Tensor) -> Tensor:
        """Phase of every wave in radians, float32 [B, waves, S].

        Summed up at frame rate in float64: in float32 the error grows with the turn's length.
        """
        return self.phase_between(self.turns_per_sample(f0).cumsum(dim=2)).to(f0.device)

    def turns_per_sample(self, f0: Tensor) -> Tensor:
        """How far every wave turns in a sample, float64 [B, waves, F] where the device has it."""
        exact = f0.double() if has_float64(f0.device) else f0.cpu().double()
        multiples = torch.arange(1, self.waves + 1, dtype=exact.dtype, device=exact.device)
        return exact[:, None] * multiples[:, None] / OUTPUT_HZ % 1

    def phase_between(self, sums: Tensor) -> Tensor:
        """Phase in radians, float32 [B, waves, S]; sums: of `turns_per_sample` up to each frame."""
        turns = F.interpolate(sums * MEL_HOP, scale_factor=float(MEL_HOP), mode="linear")
        return (turns % 1 * (2 * torch.pi)).float()
