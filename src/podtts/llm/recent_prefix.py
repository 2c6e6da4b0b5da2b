"""The LLM's state after the prompts of the last request: another with the same cast copies it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from podtts.llm.kv_cache import KVCache


class RecentPrefix:
    """One state in memory, like `PrefixStore`, whose files would be read and checked every time."""

    def __init__(self) -> None:
        self._request: object = None
        self._prompts: Sequence[Sequence[int]] = ()
        self._state: tuple[Tensor, Tensor] | None = None  # keys and values of all positions

    @torch.inference_mode()
    def read(self, request: object, cache: KVCache) -> Sequence[Sequence[int]] | None:
        """Copy the state into an empty cache; return every prompt's ids, None: not this state.

        request: see `PrefixStore.read`.
        """
        if self._state is None or request != self._request:
            return None
        length = sum(map(len, self._prompts))
        cache.reserve(length)
        for cached, kept in zip((cache.keys, cache.values), self._state, strict=True):
            cached[:, 0, :, :length] = kept
        cache.advance(length)
        return self._prompts

    def write(self, request: object, prompts: Sequence[Sequence[int]], cache: KVCache) -> None:
        """Keep the state of a cache that holds exactly the prompts, in place of the one before."""
        length = sum(map(len, prompts))
        assert cache.length == length
        keys, values = (kept[:, 0, :, :length].clone() for kept in (cache.keys, cache.values))
        self._request, self._prompts, self._state = request, prompts, (keys, values)
