"""Audio output: the interface of everything that takes waves, and resampling in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from typing import Protocol

import numpy as np
import soxr
import torch
from torch import Tensor

from podtts.rates import OUTPUT_HZ


class Sink(Protocol):
    """Takes waves, float32 [S] on the CPU, in order."""

    samples: int  # written so far

    def write(self, wave: Tensor) -> None: ...


@contextmanager
def resampling(target: AbstractContextManager[Sink], rate_hz: int) -> Iterator[Sink]:
    """Open a sink of waves of `rate_hz` as a sink of waves of 24 kHz."""
    with target as sink:
        if rate_hz == OUTPUT_HZ:
            yield sink
        else:
            resampler = _Resampler(sink, rate_hz)
            yield resampler
            resampler.finish()


def samples_at(samples: int, rate_hz: int) -> int:
    """Return how many samples this many samples of 24 kHz become at another rate."""
    return round(Fraction(samples * rate_hz, OUTPUT_HZ))


class _Resampler:
    """Passes waves on at another rate. How they are split does not change the output."""

    def __init__(self, sink: Sink, rate_hz: int) -> None:
        self._sink, self._rate_hz = sink, rate_hz
        self._stream = soxr.ResampleStream(OUTPUT_HZ, rate_hz, 1, dtype="float32", quality="VHQ")
        self.samples = 0

    def write(self, wave: Tensor) -> None:
        self._pass_on(self._stream.resample_chunk(wave.numpy()))
        self.samples += len(wave)

    def finish(self) -> None:
        rest = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        missing = samples_at(self.samples, self._rate_hz) - self._sink.samples
        # soxr may return one sample too many or too few.
        self._pass_on(np.pad(rest[:missing], (0, max(missing - len(rest), 0))))

    def _pass_on(self, samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        if len(samples):
            self._sink.write(torch.from_numpy(samples))
