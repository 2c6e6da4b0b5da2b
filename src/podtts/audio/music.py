"""Decodes music: in the guarded process, as recordings are, and then in the rate of the mix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr
import torch
from torch import Tensor

from podtts.audio.io import decode_audio
from podtts.audio.strict_decoding import TooLongError
from podtts.errors import AudioError
from podtts.rates import OUTPUT_HZ


@dataclass(frozen=True, eq=False)  # tensors have no truth value to compare
class Sound:
    """A wave in memory (float32 [S], 24 kHz), read part by part as a mix is."""

    wave: Tensor

    @property
    def samples(self) -> int:
        """Length of the wave."""
        return len(self.wave)

    def read(self, start: int, stop: int) -> Tensor:
        """Return samples [start, stop)."""
        return self.wave[start:stop]

    def blocks(self) -> Iterator[Tensor]:
        """Yield all samples at once."""
        yield self.wave


def decode_music(raw: bytes, source: str, longest_seconds: float) -> Tensor:
    """Return the sound of an audio file, float32 [S], 24 kHz, one channel.

    Raises AudioError as `decode_audio` does.
    """
    try:
        recording = decode_audio(raw, source, longest_seconds=longest_seconds)
    except TooLongError as error:
        raise AudioError(
            source, error.problem.removeprefix(f"{source}: "), "cut it to what you need"
        ) from error
    wave = recording.wave.numpy()
    if recording.rate_hz != OUTPUT_HZ:
        wave = soxr.resample(wave, recording.rate_hz, OUTPUT_HZ, quality="VHQ")
    return torch.from_numpy(np.ascontiguousarray(wave, np.float32))
