"""The vocoder's convolutions as recordings of the device: one launch in place of thousands.

As in `podtts.flow.recorded_estimator`, frames are padded to one of few sizes, and the padding is
masked as in a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.device.recorded_function import Records
from podtts.device.recordings import Recordings, recorded_size
from podtts.options import Precision

FIRST_SIZE = 64  # frames
STEP = 16  # sizes are multiples of it
MOST_FRAMES = 4096  # of all rows: with more, the device has enough to do while the host launches
KEPT = 24  # recordings; each has memory of its own


class Generates(Protocol):
    """What `podtts.vocoder.hift.Vocoder` does."""

    def generate(
        self, x: Tensor, spectra: Tensor, lengths: Tensor | None, precision: Precision
    ) -> Tensor:
        """Spectra of waves for mels and the spectra of their sources."""


class RecordedGenerator:
    """`Vocoder.generate`, recorded at the first use of a shape. Any thread may call it."""

    def __init__(
        self, vocoder: Generates, precision: Precision, device: torch.device, recorder: Records
    ) -> None:
        self._vocoder, self._precision = vocoder, precision
        self.recordings = Recordings(device, recorder, "the vocoder's waves", KEPT)

    def generate(self, x: Tensor, spectra: Tensor, frames: Sequence[int]) -> Tensor:
        """Spectra of waves, with the padding of the recording behind those of each row.

        frames: of each row, on the host. For x and spectra see `Vocoder.generate`.
        """
        rows, longest = len(frames), x.shape[1]
        size = recorded_size(longest, FIRST_SIZE, STEP)
        lengths = torch.tensor(frames).to(x.device)
        if rows * size > MOST_FRAMES:
            padded = None if min(frames) == longest else lengths
            return self._vocoder.generate(x, spectra, padded, self._precision)
        positions = (spectra.shape[1] - 1) // longest * size + 1
        inputs = (
            F.pad(x, (0, 0, 0, size - longest)),
            F.pad(spectra, (0, 0, 0, positions - spectra.shape[1])),
            lengths,
        )
        (waves,) = self.recordings.call((rows, size), self._generate, inputs)
        return waves

    def _generate(self, x: Tensor, spectra: Tensor, lengths: Tensor) -> list[Tensor]:
        return [self._vocoder.generate(x, spectra, lengths, self._precision)]
