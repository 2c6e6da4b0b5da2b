"""Reads the mix of an episode (WAV, 24 kHz, 16 bit) block by block: it may not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import soundfile
import torch
from torch import Tensor

from podtts.audio.soundtrack import Soundtrack

_BLOCK_SAMPLES = 240_000  # ten seconds
_NO_SOUNDTRACK = Soundtrack()


@dataclass(frozen=True)
class Level:
    """A factor on the samples [start, stop) of a mix."""

    start: int
    stop: int
    factor: float


class MixReader:
    """A WAV file that `WavWriter` has written, open for reading.

    gain:    factor on the samples that are read.
    levels:  factors on parts of the mix, in addition to the gain.
    on_read: called with the number of samples of every read.
    soundtrack: what is added to the mix; positions and lengths are then those of the whole.
    """

    def __init__(
        self,
        path: Path,
        gain: float = 1.0,
        levels: Sequence[Level] = (),
        on_read: Callable[[int], None] = lambda _: None,
        soundtrack: Soundtrack = _NO_SOUNDTRACK,
    ) -> None:
        self._path, self._gain, self._levels, self._on_read = path, gain, levels, on_read
        self._soundtrack = soundtrack

    def __enter__(self) -> Self:
        self._file = soundfile.SoundFile(self._path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def samples(self) -> int:
        """Length of the mix, with its soundtrack."""
        return self._soundtrack.before + int(self._file.frames) + self._soundtrack.after

    def read(self, start: int, stop: int) -> Tensor:
        """Return samples [start, stop), float32 [S]; a gain of 1 gives the 16-bit values again."""
        stop = min(stop, self.samples)
        before = self._soundtrack.before
        first, last = max(start, before), min(stop, before + int(self._file.frames))
        if first < last:
            speech = self._speech(first - before, last - before)
            wave = torch.nn.functional.pad(speech, (first - start, stop - last))
        else:
            wave = torch.zeros(max(stop - start, 0))
        for sound in self._soundtrack.sounds:
            first, last = max(start, sound.start), min(stop, sound.stop)
            if first < last:
                wave[first - start : last - start] += self._gain * sound.read(first, last)
        self._on_read(len(wave))
        return wave

    def _speech(self, start: int, stop: int) -> Tensor:
        self._file.seek(start)
        samples = torch.from_numpy(self._file.read(stop - start, dtype="int16"))
        wave = samples.float() / 32767 * self._gain
        for level in self._levels:
            if level.start < stop and start < level.stop:
                wave[max(level.start - start, 0) : level.stop - start] *= level.factor
        return wave

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[Tensor]:
        """Yield samples [start, stop) in blocks of at most ten seconds."""
        end = self.samples if stop is None else stop
        for at in range(start, end, _BLOCK_SAMPLES):
            yield self.read(at, min(at + _BLOCK_SAMPLES, end))


def silence(samples: int) -> Iterator[Tensor]:
    """Yield this many samples of silence in blocks of at most ten seconds."""
    for at in range(0, samples, _BLOCK_SAMPLES):
        yield torch.zeros(min(_BLOCK_SAMPLES, samples - at))
