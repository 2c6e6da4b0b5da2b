"""The residual blocks in compiled code, for CPUs that it is written for.

A step's Snakes, convolutions and residual connection are computed for some positions at a time,
while they are in the cache of a core. The output of a position has the same bits with any number of
threads and in any part of a sequence.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from podtts.device.cancellation import cancellation_flag
from podtts.device.compiled_calls import check_result
from podtts.device.cpu_cores import CORES
from podtts.native.choice import Unavailable
from podtts.native.library import vocoder_library
from podtts.nn.carried import Carried
from podtts.vocoder.residual import ResidualBlock, ResidualStep

FLOAT32, BFLOAT16 = 32, 16  # bits of the convolutions' factors; sums are float32


def supports_blocks(blocks: Sequence[ResidualBlock], device: torch.device) -> bool:
    """Whether compiled code runs residual blocks of these sizes on this device."""
    if device.type != "cpu":
        return False
    library = vocoder_library()
    return not isinstance(library, Unavailable) and all(
        library.podtts_vocoder_takes(*_sizes(step), bits)
        for step in _steps(blocks)
        for bits in (FLOAT32, BFLOAT16)
    )


class NativeBlocks:
    """Residual blocks of sequences without padding.

    blocks: with the bits of their factors: 32, or 16 where the instruction set multiplies bfloat16.

    The weights are copied. One call runs at a time; other threads wait. Raises MemoryError, and
    ValueError for blocks that `supports_blocks` does not know.
    """

    def __init__(self, blocks: Sequence[tuple[ResidualBlock, int]]) -> None:
        library = vocoder_library()
        known = [block for block, _ in blocks]
        if isinstance(library, Unavailable) or not supports_blocks(known, _device(known)):
            raise ValueError("compiled code does not run residual blocks of these sizes here")
        self._library = library
        self._lock = threading.Lock()
        packed = [(step, bits) for block, bits in blocks for step in _steps([block])]
        self._numbers = {step: number for number, (step, _) in enumerate(packed)}
        self._steps = library.podtts_vocoder_new(len(packed), torch.get_num_threads())
        if self._steps is None:
            raise MemoryError
        weakref.finalize(self, library.podtts_vocoder_free, self._steps)
        for step, bits in packed:
            self._pack(step, bits)

    def _pack(self, step: ResidualStep, bits: int) -> None:
        convolutions, snakes = (step.conv1, step.conv2), (step.snake1, step.snake2)
        alphas = _stacked([snake.alpha for snake in snakes])
        weights = _stacked([conv.weight.transpose(1, 2) for conv in convolutions])
        biases = _stacked([conv.bias for conv in convolutions if conv.bias is not None])
        result = self._library.podtts_vocoder_pack_step(
            self._steps,
            self._numbers[step],
            *_sizes(step),
            bits,
            *(tensor.data_ptr() for tensor in (alphas, weights, biases)),
        )
        check_result(result)

    def set_threads(self, threads: int) -> None:
        """See `podtts.device.cpu_cores.ThreadPoolKernel`."""
        self._library.podtts_vocoder_set_threads(self._steps, threads)

    @torch.inference_mode()
    def whole(self, block: ResidualBlock, x: Tensor) -> Tensor:
        """A block of whole sequences x float32 [B, positions, channels].

        Raises MemoryError, Cancelled, and ValueError for what is too long to be computed at once.
        """
        for step in _steps([block]):
            rows = [self._step(step, _Part(row, 0, len(row), True, True)) for row in x]
            x = torch.stack(rows) if len(rows) > 1 else rows[0][None]
        return x

    @torch.inference_mode()
    def extend(self, block: ResidualBlock, x: Tensor, carried: Carried, *, last: bool) -> Tensor:
        """Outputs of a block whose inputs are all there, for the next x [1, positions, channels].

        last: no more positions will come. Raises as `whole`.
        """
        for step in _steps([block]):
            x = self._extend_step(step, x, carried, last=last)
        return x

    def _extend_step(
        self, step: ResidualStep, x: Tensor, carried: Carried, *, last: bool
    ) -> Tensor:
        halo = sum(int(conv.padding[0]) for conv in (step.conv1, step.conv2))
        kept, done = carried.take(x[:, :0], 0)  # positions, and how many of them have outputs
        x = torch.cat((kept, x), dim=1)
        count = x.shape[1]
        stop = max(done, count if last else count - halo)
        before = min(stop, halo)  # positions that later outputs see
        carried.keep(x[:, stop - before :], before)
        if stop == done:
            return x[:, :0]
        # Of positions further in the sequence there are as many as the outputs see.
        return self._step(step, _Part(x[0], done, stop, done < halo, last))[None]

    def _step(self, step: ResidualStep, part: _Part) -> Tensor:
        x = part.x.contiguous()
        out = x.new_empty(part.stop - part.first, x.shape[1])
        with self._lock, CORES.shared_by(self):
            result = self._library.podtts_vocoder_step(
                self._steps,
                self._numbers[step],
                x.data_ptr(),
                len(x),
                part.first,
                part.stop,
                part.begins,
                part.ends,
                out.data_ptr(),
                cancellation_flag(),
            )
        check_result(result)
        return out


@dataclass(frozen=True, eq=False)
class _Part:
    """Positions of a sequence, float32 [positions, channels], of which some have outputs now.

    begins, ends: whether these are the first, or the last, positions of the sequence.
    """

    x: Tensor
    first: int
    stop: int
    begins: bool
    ends: bool


def _steps(blocks: Sequence[ResidualBlock]) -> list[ResidualStep]:
    steps = [step for block in blocks for step in block.steps]
    return [step for step in steps if isinstance(step, ResidualStep)]


def _sizes(step: ResidualStep) -> tuple[int, int, int]:
    conv = step.conv1
    return conv.in_channels, conv.kernel_size[0], conv.dilation[0]


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack([tensor.detach().float() for tensor in tensors]).contiguous()


def _device(blocks: Sequence[ResidualBlock]) -> torch.device:
    return next(blocks[0].parameters()).device
