"""Sounds that are added to the mix of an episode: before it, behind it, or under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from podtts.rates import OUTPUT_HZ

_OVERLAP_SAMPLES = OUTPUT_HZ  # of a repeated sound: its end fades into its beginning


@dataclass(frozen=True)
class Envelope:
    """A factor that changes in straight lines between points.

    samples: of the points, ascending, counted from the beginning of the sound.
    factors: at the points; the first and the last also hold before and behind them.
    """

    samples: Sequence[int]
    factors: Sequence[float]


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class PlacedSound:
    """A sound at the samples [start, stop) of an episode; it is repeated if it is shorter."""

    wave: Tensor  # float32 [S], 24 kHz
    start: int
    stop: int
    envelopes: tuple[Envelope, ...]

    def read(self, start: int, stop: int) -> Tensor:
        """Return the samples [start, stop) of the episode, which must be within this sound's."""
        at = np.arange(start - self.start, stop - self.start)
        factor = np.ones(len(at))
        for envelope in self.envelopes:
            factor *= np.interp(at, envelope.samples, envelope.factors)
        return self._repeated(torch.from_numpy(at)) * torch.from_numpy(factor).float()

    def _repeated(self, at: Tensor) -> Tensor:
        if self.stop - self.start <= len(self.wave):
            return self.wave[at]
        overlap = min(_OVERLAP_SAMPLES, len(self.wave) // 4)
        period = len(self.wave) - overlap
        place = at % period
        wave = self.wave[place]
        fading = (at >= period) & (place < overlap)
        ahead = place[fading]
        angle = (ahead.double() + 0.5) / overlap * (torch.pi / 2)  # both have the same power
        ending = self.wave[period + ahead]
        wave[fading] = wave[fading] * angle.sin().float() + ending * angle.cos().float()
        return wave


@dataclass(frozen=True)
class Soundtrack:
    """What an episode has besides its speech."""

    before: int = 0  # samples of the episode before its mix
    after: int = 0  # and behind it
    sounds: tuple[PlacedSound, ...] = ()
