"""The estimator in one call of compiled code, for CPUs that it is written for.

Norms, matrix products, attention and the functions between are computed for some positions at a
time, while they are in the cache of a core. The velocity of a row depends, to the bit, on neither
the other rows nor the number of threads.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from podtts.device.cancellation import cancellation_flag
from podtts.device.compiled_calls import check_result
from podtts.device.cpu_cores import CORES
from podtts.flow.estimator import Estimator, EstimatorConfig, ResNet, TransformerBlock, time_waves
from podtts.native.choice import Unavailable
from podtts.native.library import estimator_library
from podtts.options import Precision

_BITS: dict[Precision, int] = {"float32": 32, "bfloat16": 16, "int8": 8}
_OUTSIDE = -1  # of the stages or blocks, in place of a number
_Layer = nn.Linear | nn.Conv1d


def supports_estimator(config: EstimatorConfig, device: torch.device, precision: Precision) -> bool:
    """Whether compiled code runs an estimator of these sizes on this device."""
    if device.type != "cpu":
        return False
    library = estimator_library()
    return not isinstance(library, Unavailable) and bool(
        library.podtts_estimator_takes(*_sizes(config), _BITS[precision])
    )


def _sizes(config: EstimatorConfig) -> tuple[int, ...]:
    return (
        config.input_channels,
        config.output_channels,
        config.channels,
        config.time_size,
        config.heads,
        config.head_size,
        config.feed_forward_size,
        config.blocks,
        config.middle_stages + 2,  # and the first and the last
    )


class KeptRow:
    """What compiled code keeps of a row's frames: keys, values and last inputs of convolutions.

    It is never changed, and shares the memory of earlier frames with all rows that begin with them.
    """

    def __init__(self, library: Any, part: int, precision: Precision) -> None:
        self.part = part  # the address of the latest frames
        self.precision = precision
        self.memory_bytes: int = library.podtts_estimator_kept_bytes(part)
        weakref.finalize(self, library.podtts_estimator_forget, part)


class NativeEstimator:
    """x at time t to its velocity, like `Estimator` without padding.

    precision: `float32`: of everything. `bfloat16`: of factors of products; sums, norms and the
               residual stream are float32. `int8`: as bfloat16, and the transformer blocks' linear
               layers have factors in 8 bits, with a scale for every output and every position.

    The weights are copied, except those of norms. One call runs at a time; other threads wait.
    Raises MemoryError, and ValueError for sizes that `supports_estimator` does not know.
    """

    def __init__(self, estimator: Estimator, precision: Precision) -> None:
        config = self.config = estimator.config
        self.precision = precision
        bits, device = _BITS[precision], estimator.final.norm.weight.device
        library = estimator_library()
        if isinstance(library, Unavailable) or not supports_estimator(config, device, precision):
            raise ValueError(f"compiled code does not run an estimator in {precision} of {config}")
        self._library = library
        self._estimator = library.podtts_estimator_new(
            *_sizes(config), bits, estimator.final.norm.eps, torch.get_num_threads()
        )
        if self._estimator is None:
            raise MemoryError
        weakref.finalize(self, library.podtts_estimator_free, self._estimator)
        self._norms: list[Tensor] = []  # the library does not copy them
        self._lock = threading.Lock()
        time, outside = estimator.time, (_OUTSIDE, _OUTSIDE)
        convolutions = estimator.down_conv, estimator.up_conv, estimator.final.conv, estimator.out
        stages = (estimator.down, *estimator.middle, estimator.up)
        layers: tuple[_Layer, ...] = (time.linear_1, time.linear_2, *convolutions)
        for which, layer in enumerate(layers):
            self._pack(*outside, which, layer)
        self._set_norm(*outside, 0, estimator.final.norm)
        for number, stage in enumerate(stages):
            self._pack_resnet(number, stage.resnet)
            for block_number, block in enumerate(stage.blocks):
                self._pack_block(number, block_number, block)

    def _pack_resnet(self, stage: int, net: ResNet) -> None:
        layers: tuple[_Layer, ...] = net.block1.conv, net.block2.conv, net.shortcut, net.time
        for which, layer in enumerate(layers):
            self._pack(stage, _OUTSIDE, which, layer)
        for which, norm in enumerate((net.block1.norm, net.block2.norm)):
            self._set_norm(stage, _OUTSIDE, which, norm)

    def _pack_block(self, stage: int, number: int, block: TransformerBlock) -> None:
        attention, forward = block.attention, block.feed_forward
        qkv = [layer.weight for layer in (attention.query, attention.key, attention.value)]
        self._pack_matrix(stage, number, 0, torch.cat(qkv), None)
        for which, layer in enumerate((attention.out, forward.expand, forward.contract), start=1):
            self._pack(stage, number, which, layer)
        for which, norm in enumerate((block.norm_attention, block.norm_feed_forward)):
            self._set_norm(stage, number, which, norm)

    def _pack(self, stage: int, block: int, which: int, layer: _Layer) -> None:
        """Copy a layer; the inputs of a convolution are those of each position in turn."""
        weight = layer.weight
        if weight.dim() == 3:
            weight = weight.transpose(1, 2).flatten(1)
        self._pack_matrix(stage, block, which, weight, layer.bias)

    def _pack_matrix(
        self, stage: int, block: int, which: int, weight: Tensor, bias: Tensor | None
    ) -> None:
        weight = weight.detach().float().contiguous()
        bias = None if bias is None else bias.detach().float().contiguous()
        self._library.podtts_estimator_pack_matrix(
            self._estimator,
            stage,
            block,
            which,
            weight.data_ptr(),
            None if bias is None else bias.data_ptr(),
        )

    def _set_norm(self, stage: int, block: int, which: int, norm: nn.LayerNorm) -> None:
        parts = [part.detach().float().contiguous() for part in (norm.weight, norm.bias)]
        self._norms += parts
        self._library.podtts_estimator_set_norm(
            self._estimator, stage, block, which, *(part.data_ptr() for part in parts)
        )

    def set_threads(self, threads: int) -> None:
        """See `podtts.device.cpu_cores.ThreadPoolKernel`."""
        self._library.podtts_estimator_set_threads(self._estimator, threads)

    @torch.inference_mode()
    def __call__(self, x: Tensor, valid: None, t: Tensor, chunk_frames: int) -> Tensor:
        """Velocity float32 [B, 80, F] for x [B, 320, F] at times t [B].

        valid: None: no row is padded. chunk_frames: 0 for full attention.
        Raises MemoryError, Cancelled, and ValueError for what is too long to be evaluated at once.
        """
        frames_first, waves, velocity = self._arguments(x, t)
        rows, frames, _ = frames_first.shape
        with self._lock, CORES.shared_by(self):
            result = self._library.podtts_estimator_evaluate(
                self._estimator,
                frames_first.data_ptr(),
                waves.data_ptr(),
                rows,
                frames,
                chunk_frames,
                velocity.data_ptr(),
                cancellation_flag(),
            )
        check_result(result)
        return velocity.transpose(1, 2)

    @torch.inference_mode()
    def extend(
        self, x: Tensor, t: Tensor, before: Sequence[KeptRow | None]
    ) -> tuple[Tensor, tuple[KeptRow, ...]]:
        """Velocity float32 [B, 80, F] of the next frames of sequences, x [B, 320, F].

        They see one another and all earlier frames of their row.
        before:  for each row what was kept of its earlier frames, None where it begins. The
                 precision may be another if this one is float32.
        returns: the velocity, and what is kept of all frames so far.
        Raises MemoryError, Cancelled, and ValueError for what is too long to be evaluated at once.
        """
        frames_first, waves, velocity = self._arguments(x, t)
        rows, frames, _ = frames_first.shape
        before = [self._in_own_precision(row) for row in before]
        earlier = torch.tensor([0 if row is None else row.part for row in before])
        after = torch.zeros_like(earlier)
        with self._lock, CORES.shared_by(self):
            result = self._library.podtts_estimator_extend(
                self._estimator,
                frames_first.data_ptr(),
                waves.data_ptr(),
                rows,
                frames,
                earlier.data_ptr(),
                after.data_ptr(),
                velocity.data_ptr(),
                cancellation_flag(),
            )
        check_result(result)
        return velocity.transpose(1, 2), tuple(map(self._kept, after.tolist()))

    def _arguments(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x with frames first, the sines and cosines of t, and room for the velocity."""
        frames_first = x.transpose(1, 2).float().contiguous()
        waves = time_waves(t, self.config.input_channels).contiguous()
        velocity = frames_first.new_empty(*frames_first.shape[:2], self.config.output_channels)
        return frames_first, waves, velocity

    def _kept(self, part: int | None) -> KeptRow:
        if part is None:
            raise MemoryError
        return KeptRow(self._library, part, self.precision)

    def _in_own_precision(self, row: KeptRow | None) -> KeptRow | None:
        """What was kept, in the precision of this estimator."""
        if row is None or row.precision == self.precision:
            return row
        assert self.precision == "float32"
        return self._kept(self._library.podtts_estimator_widen(self._estimator, row.part))
