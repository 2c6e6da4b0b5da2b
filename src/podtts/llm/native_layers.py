"""The LLM's layers in one call of compiled code, for CPUs that it is written for.

At batch 1 a decode step is bound by reading the weights, and here nothing else costs time. The
hidden state of a position depends, to the bit, on neither the rows in the same call nor the number
of tokens.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from podtts.device.cancellation import cancellation_flag
from podtts.device.compiled_calls import check_result
from podtts.device.cpu_cores import CORES
from podtts.llm.attention_context import rotary_angles
from podtts.llm.block_quant import BLOCK, BlockWeights
from podtts.llm.kv_cache import CacheRows
from podtts.native.choice import Unavailable
from podtts.native.library import layers_library

if TYPE_CHECKING:
    from podtts.llm.qwen3 import Qwen3Config

_TILE = 16  # outputs of a matrix are computed in so many
_MATRICES = ("qkv", "o", "gate_up", "down")
_NORMS = ("input_norm", "post_attention_norm", "q_norm", "k_norm")


def supports_layers(config: Qwen3Config, bits: int) -> bool:
    """Whether compiled code runs layers of these sizes on this machine; bits: of weights."""
    library = layers_library()
    return not isinstance(library, Unavailable) and bool(
        library.podtts_layers_takes(*_sizes(config), bits)
    )


def _sizes(config: Qwen3Config) -> tuple[int, ...]:
    return (
        config.layers,
        config.hidden_size,
        config.heads,
        config.kv_heads,
        config.head_size,
        config.intermediate_size,
    )


class NativeLayers:
    """All layers and the last norm: embeddings in, hidden states out, with `CacheRows`.

    norms:      float32 by name: `layers.N.{input,post_attention,q,k}_norm` and `norm`.
    matrices:   by name: `layers.N.{qkv,o,gate_up,down}`, outputs in the order of the name;
                `BlockWeights` or bfloat16 [outputs, inputs], all with the same bits. They are
                copied.
    cache_dtype: of keys and values, float32 or bfloat16.
    head:       the output head [V, H]. `logits` computes it if it is bfloat16.

    One call runs at a time; other threads wait. Raises MemoryError, and ValueError for sizes that
    `supports_layers` does not know.
    """

    def __init__(
        self,
        config: Qwen3Config,
        norms: Mapping[str, Tensor],
        matrices: Mapping[str, BlockWeights | Tensor],
        cache_dtype: torch.dtype,
        head: Tensor,
    ) -> None:
        self.config, self.cache_dtype, self.batch_invariant = config, cache_dtype, True
        first = next(iter(matrices.values()))
        bits = first.bits if isinstance(first, BlockWeights) else 16
        library = layers_library()
        if isinstance(library, Unavailable) or not supports_layers(config, bits):
            raise ValueError(f"compiled code does not run layers of {bits} bits and {config}")
        self._library = library
        self._layers = library.podtts_layers_new(
            *_sizes(config), bits, config.rms_norm_eps, torch.get_num_threads()
        )
        if self._layers is None:
            raise MemoryError
        weakref.finalize(self, library.podtts_layers_free, self._layers)
        self._lock = threading.Lock()
        self._norms = {name: norm.float().contiguous() for name, norm in norms.items()}
        self._angles: tuple[Tensor, Tensor] | None = None
        library.podtts_layers_set_norm(self._layers, -1, 0, self._norms["norm"].data_ptr())
        self.weight_bytes = 0
        for number in range(config.layers):
            for which, name in enumerate(_NORMS):
                norm = self._norms[f"layers.{number}.{name}"]
                library.podtts_layers_set_norm(self._layers, number, which, norm.data_ptr())
            for which, name in enumerate(_MATRICES):
                self._pack(number, which, matrices[f"layers.{number}.{name}"])
        self._outputs = 0  # of the head, if it was packed
        if head.dtype == torch.bfloat16:
            self._pack_head(head)

    def _pack_head(self, head: Tensor) -> None:
        outputs, size = head.shape
        padded = torch.nn.functional.pad(
            head.detach(), (0, -size % BLOCK, 0, -outputs % _TILE)
        ).contiguous()
        check_result(
            self._library.podtts_layers_pack_head(self._layers, len(padded), padded.data_ptr())
        )
        self._outputs = outputs

    def _pack(self, number: int, which: int, matrix: BlockWeights | Tensor) -> None:
        scale_address: int | None
        if isinstance(matrix, BlockWeights):
            levels, scale = matrix.levels.contiguous(), matrix.scale.contiguous()
            self.weight_bytes += levels.nbytes + scale.nbytes
            scale_address = scale.data_ptr()
        else:
            levels = torch.nn.functional.pad(matrix, (0, -matrix.shape[1] % BLOCK)).contiguous()
            self.weight_bytes += levels.nbytes
            scale_address = None
        self._library.podtts_layers_pack_matrix(
            self._layers, number, which, levels.data_ptr(), scale_address
        )

    def set_threads(self, threads: int) -> None:
        """See `podtts.device.cpu_cores.ThreadPoolKernel`."""
        self._library.podtts_layers_set_threads(self._layers, threads)

    @torch.inference_mode()
    def logits(self, hidden: Tensor) -> Tensor | None:
        """Logits float32 [..., V] for hidden states [..., H]; None if the head was not packed."""
        if not self._outputs:
            return None
        rows = hidden.flatten(0, -2).float()
        rows = torch.nn.functional.pad(rows, (0, -rows.shape[1] % BLOCK)).contiguous()
        padded = self._outputs + -self._outputs % _TILE
        logits = rows.new_empty(len(rows), padded)
        with self._lock, CORES.shared_by(self):
            self._library.podtts_layers_logits(
                self._layers, rows.data_ptr(), len(rows), logits.data_ptr()
            )
        return logits[:, : self._outputs].reshape(*hidden.shape[:-1], self._outputs)

    @torch.inference_mode()
    def forward(self, x: Tensor, caches: CacheRows, rows: range) -> Tensor:
        """Read embeddings behind what rows of the caches hold; no row's length moves.

        x: float32 [R, T, H]; T above 1 for one row alone. returns: float32 [R, T, H].
        Raises MemoryError, ValueError where the caches have no room for the tokens, and Cancelled.
        """
        hidden = x.clone(memory_format=torch.contiguous_format)
        lengths = torch.tensor([caches.rows[row].length for row in rows], dtype=torch.int32)
        keys, values = (cache[:, rows.start : rows.stop] for cache in (caches.keys, caches.values))
        if self._angles is None or len(self._angles[0]) < caches.capacity:
            angles = rotary_angles(
                self.config.head_size, self.config.rope_theta, torch.arange(caches.capacity)
            )
            self._angles = angles.cos(), angles.sin()
        with self._lock, CORES.shared_by(self):
            result = self._library.podtts_layers_forward(
                self._layers,
                hidden.data_ptr(),
                len(lengths),
                x.shape[1],
                lengths.data_ptr(),
                keys.data_ptr(),
                values.data_ptr(),
                keys.stride(0),
                keys.stride(1),
                caches.capacity,
                caches.keys.dtype == torch.bfloat16,
                *(angle.data_ptr() for angle in self._angles),
                cancellation_flag(),
            )
        check_result(result)
        return hidden
