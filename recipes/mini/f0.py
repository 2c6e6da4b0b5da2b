"""Pitch per mel frame: from the teacher's own curve, or by normalised autocorrelation."""

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.audio.io import resample
from podtts.rates import MEL_HOP, OUTPUT_HZ, exact_div
from recipes.mini.teacher import F0_HOP

_RATE_HZ = 8000
_HOP = exact_div(MEL_HOP * _RATE_HZ, OUTPUT_HZ)  # 160
_WINDOW = 256  # samples compared with the same number a lag later
_LAGS = (16, 140)  # 500 Hz to 57 Hz
_VOICED = 0.7  # correlation
_AUDIBLE = 0.01  # root mean square
_OCTAVES = 0.65  # around the median of a first pass; farther off is an octave error
_NEAR_BEST = 0.92  # the shortest lag this close to the best wins: longer ones are octaves below


def at_mel_frames(curve: Tensor, frames: int) -> Tensor:
    """The teacher's pitch at the middle of every mel frame, float32 [frames].

    curve: hertz every 12.5 ms, 0 where unvoiced. Beside unvoiced values the nearest one counts.
    """
    middle = (torch.arange(frames) + 0.5) * MEL_HOP / F0_HOP - 0.5
    before = middle.long().clamp(0, len(curve) - 2)
    part = (middle - before).clamp(0, 1)
    first, second = curve[before], curve[before + 1]
    between = first + part * (second - first)
    nearest = torch.where(part < 0.5, first, second)
    return torch.where((first > 0) & (second > 0), between, nearest)


def pitch(wave: Tensor) -> Tensor:
    """Hz per mel frame, 0 where unvoiced; float32 [S // 480] for float32 [S] at 24 kHz."""
    slow = resample(wave, OUTPUT_HZ, _RATE_HZ)
    frames = len(wave) // MEL_HOP
    span = _WINDOW + _LAGS[1]
    left = (span - _HOP) // 2
    padded = F.pad(slow, (left, span + _HOP))
    windows = padded.unfold(0, span, _HOP)[:frames]
    windows = windows - windows.mean(dim=1, keepdim=True)
    first = windows[:, :_WINDOW]
    size = 1024
    product = torch.fft.irfft(
        torch.fft.rfft(windows, size) * torch.fft.rfft(first, size).conj(), size
    )[:, : _LAGS[1] + 1]
    power = F.pad(windows.square().cumsum(dim=1), (1, 0))
    later = power[:, _WINDOW : _WINDOW + _LAGS[1] + 1] - power[:, : _LAGS[1] + 1]
    correlation = product / (later[:, :1] * later).clamp(min=1e-12).sqrt()
    inside = correlation[:, _LAGS[0] - 1 :]
    peak = (inside[:, 1:-1] >= inside[:, :-2]) & (inside[:, 1:-1] > inside[:, 2:])
    heights = inside[:, 1:-1].masked_fill(~peak, -1)
    loud = (later[:, 0] / _WINDOW).sqrt() > _AUDIBLE
    hertz = _best(inside, heights, loud)
    if not (hertz > 0).any():
        return hertz
    octaves = (_RATE_HZ / torch.arange(_LAGS[0], _LAGS[1]) / hertz[hertz > 0].median()).log2()
    return _best(inside, heights.masked_fill(octaves.abs() > _OCTAVES, -1), loud)


def _best(correlation: Tensor, heights: Tensor, loud: Tensor) -> Tensor:
    """Hz per frame of the best peak.

    correlation: [F, lags + 2], one lag more on both sides. heights: its peaks, [F, lags], else -1.
    """
    best = heights.max(dim=1, keepdim=True).values
    chosen = (heights >= _NEAR_BEST * best).float().argmax(dim=1, keepdim=True)
    around = torch.cat([correlation.gather(1, chosen + shift) for shift in range(3)], dim=1)
    bend = (around[:, 0] - 2 * around[:, 1] + around[:, 2]).clamp(max=-1e-6)
    shift = (0.5 * (around[:, 0] - around[:, 2]) / bend).clamp(-0.5, 0.5)
    hertz = _RATE_HZ / (chosen[:, 0] + _LAGS[0] + shift)
    return torch.where((best[:, 0] > _VOICED) & loud, hertz, torch.zeros(()))
