"""Evaluations of a flow that keeps its state, recorded by the device: see `recorded_estimator`.

A recording has fixed shapes, and what a chunk sees grows. So keys and values lie at the start of a
buffer, the chunk's own behind them, and what follows is masked. The last chunk of a turn has any
length: it is padded, which no earlier frame sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.device.recorded_function import Records
from podtts.device.recordings import Recordings
from podtts.flow.estimator import Estimator
from podtts.nn.carried import Carried

MOST_FRAMES = 64  # of a chunk that is recorded; prompts are longer
STEP = 16  # frames; the last chunks of turns are padded to multiples of it
POSITIONS = 512  # buffers hold multiples of so many keys

KEPT = 32  # recordings


@dataclass(frozen=True, eq=False)
class KeptByRecordings:
    """What an evaluation of the solver keeps. It is never changed.

    contexts: the last inputs of causal convolutions, [B, positions, channels], in the order in
              which they run.
    parts:    keys and values of each call, [layers, 2, B, heads, positions, head size]. They stay
              apart: sequences that go on from the same state share the memory of them.
    """

    contexts: tuple[Tensor, ...] = ()
    parts: tuple[Tensor, ...] = ()

    @property
    def positions(self) -> int:
        """How many frames were evaluated."""
        return sum(part.shape[4] for part in self.parts)

    @property
    def memory_bytes(self) -> int:
        """The memory of all tensors."""
        return sum(tensor.nbytes for tensor in (*self.contexts, *self.parts))


class RecordedChunks:
    """`Estimator.extend`, recorded at the first use of a shape. Any thread may call it."""

    def __init__(self, estimator: Estimator, recorder: Records) -> None:
        config, weight = estimator.config, estimator.out.weight
        self._estimator = estimator
        self._layers = config.blocks * (2 + config.middle_stages)
        self._shape = config.heads, config.head_size
        self._dtype, self._device = weight.dtype, weight.device
        self.recordings = Recordings(self._device, recorder, "the flow's chunks", KEPT)
        self._buffers: dict[tuple[int, int], Tensor] = {}  # by rows and positions

    def extend(
        self, x: Tensor, t: Tensor, state: KeptByRecordings, *, last: bool
    ) -> tuple[Tensor, KeptByRecordings]:
        """Velocity [B, 80, F] of the next frames of a sequence, and the state behind them.

        last: no frames follow; then the state is empty.
        x, t: see `Estimator.extend`.
        """
        rows, _, frames = x.shape
        size = -(-frames // STEP) * STEP if last else frames
        needed = state.positions + size
        capacity = -(-needed // POSITIONS) * POSITIONS
        recorded = size <= MOST_FRAMES
        buffer = self._kept_buffer(rows, capacity) if recorded else self._buffer(rows, capacity)
        inputs = (
            F.pad(x, (0, size - frames)),
            t,
            # Filled in, not copied: a copy from the host would wait for the device.
            torch.full((1,), state.positions, device=self._device),
            torch.full((1,), state.positions + frames, device=self._device),
            *(context.to(self._dtype) for context in state.contexts),
        )
        evaluate, fill = partial(self._evaluate, buffer), partial(_fill, buffer, state.parts)
        if recorded:
            key = rows, size, capacity, len(state.contexts)
            velocity, part, *contexts = self.recordings.call(key, evaluate, inputs, fill)
        else:
            fill()
            velocity, part, *contexts = evaluate(*inputs)
        if last:
            return velocity[:, :, :frames], KeptByRecordings()
        return velocity, KeptByRecordings(tuple(contexts), (*state.parts, part))

    def _evaluate(
        self,
        buffer: Tensor,
        x: Tensor,
        t: Tensor,
        start: Tensor,
        end: Tensor,
        *contexts: Tensor,
    ) -> list[Tensor]:
        """Velocity, keys and values of this call, and contexts.

        buffer:     holds the keys and values of earlier calls, see `_buffer`.
        start, end: int64 [1], positions of the first frame, and behind the last that is not
                    padding.
        """
        positions = start + torch.arange(x.shape[2], device=x.device)
        visible = (torch.arange(buffer.shape[4], device=x.device) < end)[None, None, None]
        carried = _Buffered(buffer, positions, contexts)
        velocity = self._estimator.velocity(x, None, t, visible, carried)
        part = torch.stack(carried.keys_and_values)
        part = part.view(self._layers, 2, *part.shape[1:])
        return [velocity, part, *carried.contexts]

    def _kept_buffer(self, rows: int, capacity: int) -> Tensor:
        """The buffer that recordings of these sizes share."""
        key = rows, capacity
        if key not in self._buffers:
            self._buffers[key] = self._buffer(rows, capacity)
        return self._buffers[key]

    def _buffer(self, rows: int, capacity: int) -> Tensor:
        """Memory for keys and values, [layers, 2, B, heads, positions, head size]."""
        heads, head_size = self._shape
        shape = self._layers, 2, rows, heads, capacity, head_size
        # Masked values take part with weight 0, so they must not be NaN.
        return torch.zeros(shape, dtype=self._dtype, device=self._device)


class _Buffered(Carried):
    """Layers that find what they kept in a buffer and in `before`; see `KeptByRecordings`."""

    def __init__(self, buffer: Tensor, positions: Tensor, before: Sequence[Tensor]) -> None:
        super().__init__()
        self._layers: Iterator[Tensor] = iter(buffer)
        self._positions = positions
        self._contexts = iter(before)
        self.contexts: list[Tensor] = []
        self.keys_and_values: list[Tensor] = []  # of this call, by turns

    def with_context(self, x: Tensor, size: int) -> Tensor:
        context = next(self._contexts, None)
        if context is None:  # the sequence begins
            context = x.new_zeros(len(x), size, x.shape[2])
        whole = torch.cat((context.to(x.dtype), x), dim=1)
        self.contexts.append(whole[:, whole.shape[1] - size :].contiguous())
        return whole

    def with_earlier_keys(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        all_keys, all_values = next(self._layers)
        all_keys.index_copy_(2, self._positions, keys)
        all_values.index_copy_(2, self._positions, values)
        self.keys_and_values += keys, values
        return all_keys, all_values


def _fill(buffer: Tensor, parts: Sequence[Tensor]) -> None:
    """Copy keys and values of earlier calls to the start of a buffer."""
    start = 0
    for part in parts:
        buffer[..., start : start + part.shape[4], :] = part
        start += part.shape[4]
