"""The estimator as evaluations that the device has recorded: one launch in place of a thousand.

A recording is of one shape, and turns have any length. So frames are padded to one of few sizes,
and the padding is masked as in a batch: a mel differs from that of the same turn without padding
in its last bits alone. The sizes depend on rows and frames only, so equal turns have equal bits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from podtts.device.recorded_function import Records
from podtts.device.recordings import Recordings, recorded_size
from podtts.flow.estimator import Estimator

FIRST_SIZE = 256  # frames
STEP = 64  # sizes are multiples of it: attention reads the mask without copying it

# The host launches an evaluation in the time that a fast device computes so many frames, of all
# rows and with and without conditions. With more, recording would only cost memory.
MOST_FRAMES = 8192

KEPT = 16  # recordings; each has memory of its own


class RecordedEstimator:
    """`Estimator.forward`, recorded at the first use of a shape. Any thread may call it."""

    def __init__(self, estimator: Estimator, recorder: Records) -> None:
        self._estimator = estimator
        device = estimator.out.weight.device
        self.recordings = Recordings(device, recorder, "the flow's evaluations", KEPT)

    def size(self, rows: int, frames: int) -> int:
        """How many frames rows of so many at most are padded to; the same if not recorded."""
        padded = recorded_size(frames, FIRST_SIZE, STEP)
        return padded if 2 * rows * padded <= MOST_FRAMES else frames

    def __call__(self, x: Tensor, valid: Tensor | None, t: Tensor, chunk_frames: int) -> Tensor:
        """See `Estimator.forward`; x of a size that `size` returned."""
        rows, _, frames = x.shape
        if rows * frames > MOST_FRAMES:
            velocity: Tensor = self._estimator(x, valid, t, chunk_frames)
            return velocity
        if valid is None:
            valid = torch.ones(rows, frames, dtype=torch.bool, device=x.device)

        def evaluate(x: Tensor, valid: Tensor, t: Tensor) -> list[Tensor]:
            return [self._estimator(x, valid, t, chunk_frames)]

        key = rows, frames, chunk_frames
        (velocity,) = self.recordings.call(key, evaluate, (x, valid, t))
        return velocity
