"""Parts of a mix, one behind the other, as if they were all of it."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate

import torch
from torch import Tensor

from podtts.audio.mix_reader import MixReader

_BLOCK_SAMPLES = 240_000  # ten seconds


class MixParts:
    """The parts of an open mix.

    spans: samples [start, stop) of each part, in order.
    """

    def __init__(self, mix: MixReader, spans: Sequence[tuple[int, int]]) -> None:
        self._mix, self._spans = mix, spans
        lengths = (stop - start for start, stop in spans)
        self._begins = [*accumulate(lengths, initial=0)]  # of every part, then the end

    @property
    def samples(self) -> int:
        """Length of all parts."""
        return self._begins[-1]

    def read(self, start: int, stop: int) -> Tensor:
        """Return samples [start, stop) of the joined parts, float32 [S]."""
        waves = []
        part = bisect.bisect_right(self._begins, start) - 1
        while start < stop:
            (first, _), begin = self._spans[part], self._begins[part]
            end = min(stop, self._begins[part + 1])
            if start < end:
                waves.append(self._mix.read(first + start - begin, first + end - begin))
            start, part = end, part + 1
        return torch.cat(waves) if waves else torch.zeros(0)

    def blocks(self) -> Iterator[Tensor]:
        """Yield all samples in blocks of at most ten seconds."""
        for at in range(0, self.samples, _BLOCK_SAMPLES):
            yield self.read(at, min(at + _BLOCK_SAMPLES, self.samples))
