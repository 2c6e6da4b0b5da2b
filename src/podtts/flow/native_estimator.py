"""The estimator in one call of compiled code, for CPUs that it is written for.

Norms, products, attention and what stands between are done for some positions while they are in
the cache of a core. What a row becomes depends, to the bit, on neither the rows beside it nor the
number of threads.
"""

from __future__ import annotations

import threading
import weakref

import torch
from torch import Tensor, nn

from podtts.device.cpu_cores import CORES
from podtts.flow.estimator import Estimator, EstimatorConfig, ResNet, TransformerBlock, time_waves
from podtts.native.library import Unavailable, estimator_library
from podtts.options import Precision

_BITS: dict[Precision, int] = {"float32": 32, "bfloat16": 16, "int8": 8}
_OUTSIDE = -1  # in place of a stage's or a block's number
_Layer = nn.Linear | nn.Conv1d
_MOST_HEAD = 64  # a head's numbers lie in one panel


def runs_natively(config: EstimatorConfig, device: torch.device, precision: Precision) -> bool:
    """Whether compiled code runs an estimator of these sizes there."""
    in_vectors = (
        *(config.input_channels, config.output_channels, config.channels),
        *(config.time_size, config.head_size, config.feed_forward_size),
    )
    return (
        device.type == "cpu"
        and all(size % 16 == 0 for size in in_vectors)
        and config.head_size <= _MOST_HEAD
        and min(config.blocks, config.middle_stages) > 0
        and not isinstance(estimator_library(_BITS[precision]), Unavailable)
    )


class NativeEstimator:
    """x at time t to its velocity, like `Estimator` without padding.

    precision: `float32`: all of it. `bfloat16`: of what is multiplied; sums, norms and what layers
               add to are float32. `int8`: as bfloat16, and the transformer blocks' linear layers in
               8 bits, with a scale for every output and every position.

    The weights are copied, the norms' are not. Raises MemoryError.
    """

    def __init__(self, estimator: Estimator, precision: Precision) -> None:
        config = self.config = estimator.config
        library = estimator_library(_BITS[precision])
        assert not isinstance(library, Unavailable), library.reason
        self._library = library
        stages = (estimator.down, *estimator.middle, estimator.up)
        self._estimator = library.podtts_estimator_new(
            config.input_channels,
            config.output_channels,
            config.channels,
            config.time_size,
            config.heads,
            config.head_size,
            config.feed_forward_size,
            config.blocks,
            len(stages),
            _BITS[precision],
            estimator.final.norm.eps,
            torch.get_num_threads(),
        )
        if self._estimator is None:
            raise MemoryError
        weakref.finalize(self, library.podtts_estimator_free, self._estimator)
        self._norms: list[Tensor] = []  # which the library reads where they are
        self._one_at_a_time = threading.Lock()
        time, outside = estimator.time, (_OUTSIDE, _OUTSIDE)
        convolutions = estimator.down_conv, estimator.up_conv, estimator.final.conv, estimator.out
        layers: tuple[_Layer, ...] = (time.linear_1, time.linear_2, *convolutions)
        for which, layer in enumerate(layers):
            self._lay(*outside, which, layer)
        self._name(*outside, 0, estimator.final.norm)
        for number, stage in enumerate(stages):
            self._lay_resnet(number, stage.resnet)
            for inside, block in enumerate(stage.blocks):
                self._lay_block(number, inside, block)

    def _lay_resnet(self, number: int, net: ResNet) -> None:
        layers: tuple[_Layer, ...] = net.block1.conv, net.block2.conv, net.shortcut, net.time
        for which, layer in enumerate(layers):
            self._lay(number, _OUTSIDE, which, layer)
        for which, norm in enumerate((net.block1.norm, net.block2.norm)):
            self._name(number, _OUTSIDE, which, norm)

    def _lay_block(self, number: int, inside: int, block: TransformerBlock) -> None:
        attention, forward = block.attention, block.feed_forward
        together = (attention.query, attention.key, attention.value)
        self._lay_matrix(number, inside, 0, torch.cat([one.weight for one in together]), None)
        for which, layer in enumerate((attention.out, forward.expand, forward.contract), start=1):
            self._lay(number, inside, which, layer)
        for which, norm in enumerate((block.norm_attention, block.norm_feed_forward)):
            self._name(number, inside, which, norm)

    def _lay(self, number: int, inside: int, which: int, layer: _Layer) -> None:
        """Copy a layer; a convolution reads the positions of its kernel one after the other."""
        weight = layer.weight
        if weight.dim() == 3:
            weight = weight.transpose(1, 2).flatten(1)
        self._lay_matrix(number, inside, which, weight, layer.bias)

    def _lay_matrix(
        self, number: int, inside: int, which: int, weight: Tensor, bias: Tensor | None
    ) -> None:
        weight = weight.detach().float().contiguous()
        bias = None if bias is None else bias.detach().float().contiguous()
        self._library.podtts_estimator_matrix(
            self._estimator,
            number,
            inside,
            which,
            weight.data_ptr(),
            None if bias is None else bias.data_ptr(),
        )

    def _name(self, number: int, inside: int, which: int, norm: nn.LayerNorm) -> None:
        parts = [part.detach().float().contiguous() for part in (norm.weight, norm.bias)]
        self._norms += parts
        self._library.podtts_estimator_norm(
            self._estimator, number, inside, which, *(part.data_ptr() for part in parts)
        )

    def allow(self, threads: int) -> None:
        """See `podtts.device.cpu_cores.ThreadPoolKernel`."""
        self._library.podtts_estimator_allow(self._estimator, threads)

    @torch.inference_mode()
    def __call__(self, x: Tensor, valid: None, t: Tensor, chunk_frames: int) -> Tensor:
        """Velocity float32 [B, 80, F] for x [B, 320, F] at times t [B].

        valid: None: no row is padded. chunk_frames: 0 for full attention. Threads wait for one
        another. Raises MemoryError.
        """
        given = x.transpose(1, 2).float().contiguous()
        waves = time_waves(t, self.config.input_channels).contiguous()
        rows, frames, _ = given.shape
        velocity = given.new_empty(rows, frames, self.config.output_channels)
        with self._one_at_a_time, CORES.shared_by(self):
            failed = self._library.podtts_estimator_evaluate(
                self._estimator,
                given.data_ptr(),
                waves.data_ptr(),
                rows,
                frames,
                chunk_frames,
                velocity.data_ptr(),
            )
        if failed:
            raise MemoryError
        return velocity.transpose(1, 2)
