"""Decode steps of fixed shapes, recorded by a device that can: CUDA graphs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from podtts.device.cuda_graph import NotRecorded, Recorder
from podtts.device.placement import has_graphs
from podtts.device.triton_kernels import why_no_kernels
from podtts.llm.decode_state import DecodeState
from podtts.llm.decode_step import graph_decode_step
from podtts.llm.kv_cache import CacheRows
from podtts.llm.qwen3 import Qwen3

if TYPE_CHECKING:
    from podtts.llm.kernel_step import KernelStep

BLOCK_STEPS = 10  # 0.4 s of speech; the host looks at the results once per block
_RESERVED_BYTES = 2**30  # of keys and values, before the first step
_POSITIONS = 1024  # a graph attends to multiples of so many positions: few graphs are recorded


class StepGraphs:
    """Decode steps of fixed shapes, recorded by the number of rows and positions they work on."""

    def __init__(self, model: Qwen3, caches: CacheRows, legal: Tensor) -> None:
        self._model, self._caches, self._legal = model, caches, legal
        self._device = legal.device
        self._steps: dict[tuple[int, int], Callable[[], None]] = {}
        self._memory = (0, 0)  # addresses of keys and values when the steps were recorded
        self._recorder = Recorder(self._device)
        self._kernels = _kernel_step(model, legal)
        if has_graphs(self._device):
            caches.reserve_within(_RESERVED_BYTES)  # growing moves memory, which is in recordings
        # Why steps are not recorded.
        self._refused = "" if has_graphs(self._device) else "the device records no graphs"

    def will_record(self, last_row: int) -> bool:
        """Whether a block of steps up to a row has to be recorded first."""
        if self._refused:
            return False
        extent = self._extent(last_row, BLOCK_STEPS)
        self._forget_moved()
        return extent not in self._steps

    def run(self, state: DecodeState, last_row: int, steps: int) -> None:
        """Run some steps of the first rows; return before the device has finished them."""
        rows, positions = self._extent(last_row, steps)
        lengths = [cache.length for cache in self._caches.rows[:rows]]
        state.positions[:rows] = torch.tensor(lengths)
        self._forget_moved()
        if (rows, positions) not in self._steps:
            self._steps[rows, positions] = self._record(state, rows, positions)
        step = self._steps[rows, positions]
        for _ in range(steps):
            step()

    def forget(self) -> None:
        """Forget all steps, because the state's tensors were replaced."""
        self._steps.clear()

    def _extent(self, last_row: int, steps: int) -> tuple[int, int]:
        """How many rows and positions some steps work on; few pairs occur."""
        rows = min(1 << last_row.bit_length(), len(self._caches.rows))
        needed = steps + max(cache.length for cache in self._caches.rows[:rows])
        self._caches.reserve(needed)
        if self._kernels is not None:  # they attend up to a row's own position
            return rows, self._caches.capacity
        return rows, min(-(-needed // _POSITIONS) * _POSITIONS, self._caches.capacity)

    def _forget_moved(self) -> None:
        """Forget steps whose keys and values were moved to other memory."""
        memory = self._caches.keys.data_ptr(), self._caches.values.data_ptr()
        if memory != self._memory:
            self._steps.clear()
            self._memory = memory

    def _record(self, state: DecodeState, rows: int, positions: int) -> Callable[[], None]:
        first = state.first(rows)
        keys = self._caches.keys[:, :rows, :, :positions]
        values = self._caches.values[:, :rows, :, :positions]

        def step() -> None:
            if self._kernels is None:
                graph_decode_step(self._model, self._legal, first, keys, values)
            else:
                self._kernels.run(first, keys, values)

        if self._refused:
            return step
        done = state.done.clone()
        state.done.fill_(True)  # recording runs the step: no turn may change
        graph = self._recorder.record(step)
        state.done.copy_(done)
        if isinstance(graph, NotRecorded):
            self._refused = graph.reason
            log = logging.getLogger(__name__)
            log.warning("decode steps are not recorded, so slower: %s", graph.reason)
            return step
        return graph


def _kernel_step(model: Qwen3, legal: Tensor) -> KernelStep | None:
    """The step by podtts' own kernels, where device and model allow it."""
    if why_no_kernels(legal.device) is not None:
        return None
    from podtts.llm.kernel_step import KernelStep, supports

    return KernelStep(model, legal) if supports(model) else None
