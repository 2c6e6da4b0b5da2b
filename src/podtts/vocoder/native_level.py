"""The residual blocks of a level in compiled code, for CPUs that it is written for.

Snakes, convolutions and residual connections are computed for some positions at a time, while they
are in the cache of a core. The output of a position has the same bits with any number of threads
and in any part of a sequence.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence

import torch
from torch import Tensor

from podtts.device.cancellation import cancellation_flag
from podtts.device.compiled_calls import check_result
from podtts.device.cpu_cores import CORES
from podtts.native.choice import Unavailable
from podtts.native.library import vocoder_library
from podtts.nn.carried import Carried
from podtts.vocoder.residual import DILATIONS, ResidualBlock, ResidualStep

_BITS = (32, 16)  # of the convolutions' factors


def supports_blocks(blocks: Sequence[ResidualBlock], device: torch.device) -> bool:
    """Whether compiled code runs residual blocks of these sizes on this device."""
    if device.type != "cpu":
        return False
    library = vocoder_library()
    return not isinstance(library, Unavailable) and all(
        library.podtts_vocoder_takes(_channels(blocks), *_kernel(step), bits)
        for step in _steps(blocks)
        for bits in _BITS
    )


class NativeLevel:
    """x plus the source's residual block, through all other blocks, whose outputs are averaged.

    blocks:   the source's first.
    bfloat16: whether factors of the convolutions are bfloat16, where the instruction set multiplies
              it. Sums and everything else are float32.

    The weights are copied. One call runs at a time; other threads wait. Raises MemoryError, and
    ValueError for blocks that `supports_blocks` does not know.
    """

    def __init__(self, blocks: Sequence[ResidualBlock], *, bfloat16: bool) -> None:
        library, channels = vocoder_library(), _channels(blocks)
        device = next(blocks[0].parameters()).device
        if isinstance(library, Unavailable) or not supports_blocks(blocks, device):
            raise ValueError(f"compiled code does not run residual blocks of {channels} channels")
        self._library = library
        self._lock = threading.Lock()
        self._channels = channels
        self._level = library.podtts_vocoder_new(
            channels, len(blocks), len(DILATIONS), torch.get_num_threads()
        )
        if self._level is None:
            raise MemoryError
        weakref.finalize(self, library.podtts_vocoder_free, self._level)
        self._queues = len(blocks) * (len(DILATIONS) + 1) + 1
        for number, step in enumerate(_steps(blocks)):
            self._pack(number, step, 16 if bfloat16 else 32)

    def _pack(self, number: int, step: ResidualStep, bits: int) -> None:
        convolutions, snakes = (step.conv1, step.conv2), (step.snake1, step.snake2)
        alphas = _stacked([snake.alpha for snake in snakes])
        weights = _stacked([conv.weight.transpose(1, 2) for conv in convolutions])
        biases = _stacked([conv.bias for conv in convolutions if conv.bias is not None])
        result = self._library.podtts_vocoder_pack_step(
            self._level,
            number,
            *_kernel(step),
            bits,
            *(tensor.data_ptr() for tensor in (alphas, weights, biases)),
        )
        check_result(result)

    def set_threads(self, threads: int) -> None:
        """See `podtts.device.cpu_cores.ThreadPoolKernel`."""
        self._library.podtts_vocoder_set_threads(self._level, threads)

    @torch.inference_mode()
    def whole(self, x: Tensor, source: Tensor) -> Tensor:
        """The output for whole sequences without padding, all float32 [B, positions, channels].

        Raises MemoryError, Cancelled, and ValueError for what is too long to be computed at once.
        """
        rows = [
            self.extend(x[row : row + 1], source[row : row + 1], Carried(), last=True)
            for row in range(len(x))
        ]
        return rows[0] if len(rows) == 1 else torch.cat(rows)

    @torch.inference_mode()
    def extend(self, x: Tensor, source: Tensor, carried: Carried, *, last: bool) -> Tensor:
        """The outputs that the next positions complete, all float32 [1, positions, channels].

        last: no more positions will come. Raises as `whole`.
        """
        x, source = x.contiguous(), source.contiguous()
        queues, kept = carried.take(
            torch.zeros(self._queues, 2, dtype=torch.int32), x.new_empty(0, self._channels)
        )
        after = torch.empty_like(queues)
        counts = x.shape[1], source.shape[1]
        outputs = self._library.podtts_vocoder_plan(
            self._level, queues.data_ptr(), *counts, last, after.data_ptr()
        )
        check_result(min(outputs, 0))
        out = x.new_empty(1, outputs, self._channels)
        kept_after = x.new_empty(int(after[:, 0].sum()), self._channels)
        with self._lock, CORES.shared_by(self):
            result = self._library.podtts_vocoder_extend(
                self._level,
                queues.data_ptr(),
                kept.data_ptr(),
                x.data_ptr(),
                counts[0],
                source.data_ptr(),
                counts[1],
                last,
                out.data_ptr(),
                kept_after.data_ptr(),
                cancellation_flag(),
            )
        check_result(result)
        carried.keep(after, kept_after)
        return out


def _steps(blocks: Sequence[ResidualBlock]) -> list[ResidualStep]:
    steps = [step for block in blocks for step in block.steps]
    return [step for step in steps if isinstance(step, ResidualStep)]


def _channels(blocks: Sequence[ResidualBlock]) -> int:
    return _steps(blocks)[0].conv1.in_channels


def _kernel(step: ResidualStep) -> tuple[int, int]:
    return step.conv1.kernel_size[0], step.conv1.dilation[0]


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack([tensor.detach().float() for tensor in tensors]).contiguous()
