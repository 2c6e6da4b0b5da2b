"""Keys and values of everything the LLM has read, in preallocated memory."""

from __future__ import annotations

import torch
from torch import Tensor

_GROWTH_TOKENS = 1024  # at the published size 112 MiB in bfloat16 a row


class CacheRows:
    """Keys and values of dialogues side by side, [layers, rows, kv heads, capacity, head size].

    Memory grows by whole blocks for all rows at once, so that a long dialogue copies the cache a
    handful of times and never per token.
    """

    def __init__(
        self,
        layers: int,
        rows: int,
        kv_heads: int,
        head_size: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        shape = (layers, rows, kv_heads, 0, head_size)
        self.keys = torch.empty(shape, dtype=dtype, device=device)
        self.values = torch.empty(shape, dtype=dtype, device=device)
        self.rows = [KVCache(self, row) for row in range(rows)]

    @property
    def capacity(self) -> int:
        """Tokens that a row can hold now."""
        return self.keys.shape[3]

    def reserve(self, tokens: int) -> None:
        """Let every row hold so many tokens."""
        if tokens <= self.capacity:
            return
        capacity = -(-tokens // _GROWTH_TOKENS) * _GROWTH_TOKENS
        longest = max(row.length for row in self.rows)
        self.keys = _grown(self.keys, longest, capacity)
        self.values = _grown(self.values, longest, capacity)

    @torch.inference_mode()
    def swap(self, one: int, other: int) -> None:
        """Let two rows change places; who holds their caches need not know."""
        longest = max(self.rows[one].length, self.rows[other].length) + 1  # and the spare place
        for whole in (self.keys, self.values):
            whole[:, [one, other], :, :longest] = whole[:, [other, one], :, :longest]
        first, second = self.rows[one], self.rows[other]
        first.index, second.index = other, one
        self.rows[one], self.rows[other] = second, first


def _grown(old: Tensor, used: int, capacity: int) -> Tensor:
    layers, rows, kv_heads, _, head_size = old.shape
    new = old.new_zeros((layers, rows, kv_heads, capacity, head_size))
    new[:, :, :, :used] = old[:, :, :, :used]
    return new


class KVCache:
    """One dialogue's keys and values: a row of `CacheRows`, of which `length` tokens are valid.

    Appending writes in place.
    """

    def __init__(self, together: CacheRows, index: int) -> None:
        self.together = together
        self.index = index
        self.length = 0

    @property
    def keys(self) -> Tensor:
        """[layers, 1, kv heads, capacity, head size], valid and not."""
        return self.together.keys[:, self.index : self.index + 1]

    @property
    def values(self) -> Tensor:
        """As `keys`."""
        return self.together.values[:, self.index : self.index + 1]

    def reserve(self, tokens: int) -> None:
        """Make room for `tokens` more than are valid now."""
        self.together.reserve(self.length + tokens)

    def advance(self, tokens: int) -> None:
        """Count tokens that every layer has written behind the valid ones."""
        self.length += tokens

    @torch.inference_mode()
    def trim(self, length: int) -> None:
        """Forget everything after the first `length` tokens.

        It is overwritten, and so is the place behind it, where a row that writes nothing beside
        others keeps what nobody hears: rows beside a longer one carry places that no query sees,
        and not even these may hold NaN.
        """
        if length > self.length:
            raise ValueError(f"cannot trim {self.length} cached tokens to {length}")
        for whole in (self.keys, self.values):
            whole[:, :, :, length : self.length + 1] = 0
        self.length = length
