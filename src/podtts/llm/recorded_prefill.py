"""Texts of turns, read by recordings of the device: one launch in place of hundreds.

Texts are padded to few lengths. What the padding writes behind a row's tokens is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from podtts.device.cancellation import raise_if_cancelled
from podtts.device.cuda_graph import Recorder
from podtts.device.placement import has_graphs
from podtts.device.recordings import Recordings
from podtts.llm.kv_cache import CacheRows, KVCache
from podtts.llm.qwen3 import Qwen3

STEP = 32  # tokens; texts are padded to multiples of it
MOST_TOKENS = 256  # of a text that is recorded
KEPT = 16  # recordings
_POSITIONS = 2048  # a recording attends to multiples of so many positions


def takes(ids: Sequence[int]) -> bool:
    """Whether so many ids are read by a recording."""
    return 1 < len(ids) <= MOST_TOKENS


class RecordedPrefill:
    """Reads ids into rows of caches by recordings, which all rows share.

    model: without fused layers. On a device without recordings, the same work is done as it is.
    """

    def __init__(self, model: Qwen3, caches: CacheRows) -> None:
        self._model, self._caches = model, caches
        self._device = model.embed_tokens.weight.device
        recorder = Recorder(self._device) if has_graphs(self._device) else None
        self._recordings = Recordings(self._device, recorder, "texts", KEPT)

    def read(self, ids: Sequence[int], cache: KVCache) -> Tensor:
        """Read ids that follow what a row holds; return the last hidden state [H].

        Raises Cancelled.
        """
        raise_if_cancelled()
        count, size = len(ids), -(-len(ids) // STEP) * STEP
        cache.reserve(size)
        positions = -(-(cache.length + size) // _POSITIONS) * _POSITIONS
        positions = min(positions, self._caches.capacity)
        keys = self._caches.keys[:, :, :, :positions]
        values = self._caches.values[:, :, :, :positions]
        padded = torch.tensor([[*ids, *[ids[-1]] * (size - count)]], device=self._device)
        numbers = (cache.length, count - 1, cache.index)
        # Filled in, not copied: a copy from the host would wait for the device.
        filled = (torch.full((1,), number, device=self._device) for number in numbers)
        # The memory of caches moves when they grow.
        key = size, positions, keys.data_ptr(), values.data_ptr(), keys.shape
        function = partial(self._read, keys, values)
        (hidden,) = self._recordings.call(key, function, (padded, *filled))
        cache.advance(size)
        cache.trim(cache.length - (size - count))  # what the padding wrote becomes 0
        return hidden[0]

    def _read(
        self, keys: Tensor, values: Tensor, ids: Tensor, start: Tensor, last: Tensor, row: Tensor
    ) -> list[Tensor]:
        hidden = self._model.graph_prefill(ids, start, row, keys, values)
        return [hidden.index_select(1, last)[:, 0]]
