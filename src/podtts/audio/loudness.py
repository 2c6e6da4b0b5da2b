"""Measures the loudness of an episode (ITU-R BS.1770-4) and computes the gain to a target.

Memory does not grow with the length of the episode: pyloudnorm measures the 400 ms blocks of one
minute at a time, and the gates are applied to the blocks of all minutes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import soxr
from torch import Tensor

from podtts.rates import OUTPUT_HZ, exact_div

CEILING_DBTP = -1.0  # headroom for the peaks that a lossy encoder adds
MEASURING_PASSES = 2  # over the mix: one for its loudness, one for its true peak

_HOP_SAMPLES = exact_div(OUTPUT_HZ, 10)  # between two 400 ms blocks, which overlap by 75 %
_BLOCK_SAMPLES = 4 * _HOP_SAMPLES
_SEGMENT_SAMPLES = 600 * _HOP_SAMPLES
# Extra samples before each minute, so that the weighting filters have settled when it begins: the
# response of their slowest pole, at 38 Hz, falls by more than 1000 dB in this time.
_WARM_UP_HOPS = 20
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_LU = -0.691
_OVERSAMPLING = 4


class Samples(Protocol):
    """Sound of 24 kHz that is read part by part, such as a mix."""

    @property
    def samples(self) -> int:
        """Length of the sound."""
        ...

    def read(self, start: int, stop: int) -> Tensor:
        """Return samples [start, stop), float32 [S]."""
        ...

    def blocks(self) -> Iterator[Tensor]:
        """Yield all samples in order."""
        ...


@dataclass(frozen=True)
class Loudness:
    """The loudness of an episode; both values are -inf for silence."""

    lufs: float  # integrated; -inf also for less than 400 ms
    true_peak_dbtp: float


@dataclass(frozen=True)
class Gain:
    """A gain, and how far below the target the result is."""

    db: float = 0.0
    missing_lu: float = 0.0

    @property
    def factor(self) -> float:
        return float(10 ** (self.db / 20))


def measure(mix: Samples) -> Loudness:
    """Measure the loudness of a mix of 24 kHz, or of parts of it."""
    return Loudness(_integrated(_block_loudness(mix)), _true_peak(mix))


def gain_to(target_lufs: float, measured: Loudness) -> Gain:
    """Return the gain to a target, limited so that the true peak stays at most at -1 dBTP.

    The gain is 0 dB for silence and for less than 400 ms, which have no loudness.
    """
    if not math.isfinite(measured.lufs):
        return Gain()
    wanted = target_lufs - measured.lufs
    possible = min(wanted, CEILING_DBTP - measured.true_peak_dbtp)
    return Gain(possible, wanted - possible)


def _block_loudness(mix: Samples) -> Iterator[float]:
    """Yield the loudness of every 400 ms block; -inf for silent blocks."""
    import pyloudnorm  # imports scipy, which delayed every start by most of a second

    meter = pyloudnorm.Meter(OUTPUT_HZ)
    for start in range(0, mix.samples, _SEGMENT_SAMPLES):
        warm_up = _WARM_UP_HOPS if start else 0
        # The last block that begins in the segment ends three hops after it.
        stop = min(start + _SEGMENT_SAMPLES + _BLOCK_SAMPLES - _HOP_SAMPLES, mix.samples)
        if stop - start < _BLOCK_SAMPLES:
            return  # earlier blocks contain the rest, or it is too short for a block
        samples = mix.read(start - warm_up * _HOP_SAMPLES, stop)
        meter.integrated_loudness(samples.double().numpy())
        yield from meter.blockwise_loudness[warm_up:]


def _integrated(blocks: Iterator[float]) -> float:
    """Average the blocks above -70 LUFS, then those at most 10 LU below that average."""
    levels = np.array([*blocks])
    gate = _ABSOLUTE_GATE_LUFS
    for step in (_RELATIVE_GATE_LU, 0.0):
        levels = levels[levels >= gate]
        if not len(levels):
            return -math.inf
        mean = _OFFSET_LU + 10 * math.log10(np.mean(10 ** ((levels - _OFFSET_LU) / 10)))
        gate = mean + step
    return mean


def _true_peak(mix: Samples) -> float:
    """Return the peak of the mix, oversampled four times, in dBTP."""
    stream = soxr.ResampleStream(OUTPUT_HZ, _OVERSAMPLING * OUTPUT_HZ, 1, dtype="float32")
    peak = 0.0
    for block in mix.blocks():
        peak = max(peak, _peak(stream.resample_chunk(block.numpy())))
    peak = max(peak, _peak(stream.resample_chunk(np.zeros(0, np.float32), last=True)))
    return 20 * math.log10(peak) if peak else -math.inf


def _peak(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    return float(np.abs(samples).max(initial=0.0))
