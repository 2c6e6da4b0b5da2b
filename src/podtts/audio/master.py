"""An episode's mix on the disk, 24 kHz and 16 bit, read in parts: it may be too long for memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import soundfile
import torch
from torch import Tensor

_BLOCK_SAMPLES = 240_000  # ten seconds


class Master:
    """A WAV file as `WavWriter` leaves it, open for reading.

    gain:  factor on what is read.
    heard: told how many samples were read, every time.
    """

    def __init__(
        self, path: Path, gain: float = 1.0, heard: Callable[[int], None] = lambda _: None
    ) -> None:
        self._path, self._gain, self._heard = path, gain, heard

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
        """Length of the whole."""
        return int(self._file.frames)

    def read(self, start: int, stop: int) -> Tensor:
        """Samples [start, stop), float32 [S]; without gain they round to the kept ones again."""
        self._file.seek(start)
        samples = torch.from_numpy(self._file.read(stop - start, dtype="int16"))
        self._heard(len(samples))
        return samples.float() / 32767 * self._gain

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[Tensor]:
        """Yield samples [start, stop) in blocks of ten seconds at most."""
        end = self.samples if stop is None else stop
        for at in range(start, end, _BLOCK_SAMPLES):
            yield self.read(at, min(at + _BLOCK_SAMPLES, end))


def silence(samples: int) -> Iterator[Tensor]:
    """Yield so many samples of silence in blocks of ten seconds at most."""
    for at in range(0, samples, _BLOCK_SAMPLES):
        yield torch.zeros(min(_BLOCK_SAMPLES, samples - at))
