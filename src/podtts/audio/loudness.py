"""How loud an episode is (ITU-R BS.1770-4), and the one gain that brings it to a target.

Memory does not grow with the episode: pyloudnorm weighs a minute at a time, and what it measured
of every 400 ms block is gated over the whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyloudnorm
import soxr

from podtts.audio.master import Master
from podtts.rates import OUTPUT_HZ, exact_div

CEILING_DBTP = -1.0  # leaves room for what a lossy encoder adds
MEASURING_PASSES = 2  # over the mix: one for its loudness, one for its true peak

_HOP_SAMPLES = exact_div(OUTPUT_HZ, 10)  # between two 400 ms blocks, which overlap by 75 %
_BLOCK_SAMPLES = 4 * _HOP_SAMPLES
_SEGMENT_SAMPLES = 600 * _HOP_SAMPLES
# The weighting filters forget within it: their slowest pole, at 38 Hz, falls by over 1000 dB.
_RUN_UP_HOPS = 20
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0
_OFFSET_LU = -0.691
_OVERSAMPLING = 4


@dataclass(frozen=True)
class Loudness:
    """A measurement; both are -inf for silence."""

    lufs: float  # integrated; -inf also below 400 ms
    true_peak_dbtp: float


@dataclass(frozen=True)
class Gain:
    """What to multiply by, and how far below the target that stays."""

    db: float = 0.0
    missing_lu: float = 0.0

    @property
    def factor(self) -> float:
        return float(10 ** (self.db / 20))


def measure(master: Master) -> Loudness:
    """Measure a mix of 24 kHz."""
    return Loudness(_integrated(_block_loudness(master)), _true_peak(master))


def gain_to(target_lufs: float, measured: Loudness) -> Gain:
    """The gain to a target, lowered where the true peak would pass -1 dBTP.

    None at all where there is no loudness to go by: silence, or less than 400 ms.
    """
    if not math.isfinite(measured.lufs):
        return Gain()
    wanted = target_lufs - measured.lufs
    possible = min(wanted, CEILING_DBTP - measured.true_peak_dbtp)
    return Gain(possible, wanted - possible)


def _block_loudness(master: Master) -> Iterator[float]:
    """Loudness of every 400 ms block, -inf for silent ones."""
    meter = pyloudnorm.Meter(OUTPUT_HZ)
    for start in range(0, master.samples, _SEGMENT_SAMPLES):
        run_up = _RUN_UP_HOPS if start else 0
        # The last block that begins in the segment ends three hops behind it.
        stop = min(start + _SEGMENT_SAMPLES + _BLOCK_SAMPLES - _HOP_SAMPLES, master.samples)
        if stop - start < _BLOCK_SAMPLES:
            return  # what is left has been in the blocks before, or is too short for one
        samples = master.read(start - run_up * _HOP_SAMPLES, stop)
        meter.integrated_loudness(samples.double().numpy())
        yield from meter.blockwise_loudness[run_up:]


def _integrated(blocks: Iterator[float]) -> float:
    """Gate the blocks, first at -70 LUFS, then 10 LU below what is left, and average."""
    levels = np.array([*blocks])
    gate = _ABSOLUTE_GATE_LUFS
    for step in (_RELATIVE_GATE_LU, 0.0):
        levels = levels[levels >= gate]
        if not len(levels):
            return -math.inf
        mean = _OFFSET_LU + 10 * math.log10(np.mean(10 ** ((levels - _OFFSET_LU) / 10)))
        gate = mean + step
    return mean


def _true_peak(master: Master) -> float:
    """Peak between the samples, too: of four times as many."""
    stream = soxr.ResampleStream(OUTPUT_HZ, _OVERSAMPLING * OUTPUT_HZ, 1, dtype="float32")
    peak = 0.0
    for block in master.blocks():
        peak = max(peak, _peak(stream.resample_chunk(block.numpy())))
    peak = max(peak, _peak(stream.resample_chunk(np.zeros(0, np.float32), last=True)))
    return 20 * math.log10(peak) if peak else -math.inf


def _peak(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    return float(np.abs(samples).max(initial=0.0))
