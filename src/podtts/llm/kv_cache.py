"""Keys and values of all tokens that the LLM has computed, in preallocated memory."""

from __future__ import annotations

import torch
from torch import Tensor

_GROWTH_TOKENS = 1024  # at the published size 112 MiB in bfloat16 a row
_USUAL_TOKENS = 4096  # of a dialogue whose window is rebuilt


class CacheRows:
    """Keys and values of a batch of dialogues, [layers, rows, kv heads, capacity, head size].

    All rows grow together by 1024 tokens, so that a long dialogue copies the cache a handful of
    times and not for every token.
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
        """Tokens that every row has memory for."""
        return self.keys.shape[3]

    def reserve(self, tokens: int) -> None:
        """Let every row have memory for at least so many tokens."""
        if tokens <= self.capacity:
            return
        capacity = -(-tokens // _GROWTH_TOKENS) * _GROWTH_TOKENS
        longest = max(row.length for row in self.rows)
        self.keys = _grown(self.keys, longest, capacity)
        self.values = _grown(self.values, longest, capacity)

    def reserve_within(self, limit_bytes: int) -> None:
        """Have memory for up to 4096 tokens of every row now, as far as the limit allows."""
        layers, rows, kv_heads, _, head_size = self.keys.shape
        position_bytes = 2 * layers * rows * kv_heads * head_size * self.keys.itemsize
        self.reserve(
            min(limit_bytes // position_bytes, _USUAL_TOKENS) // _GROWTH_TOKENS * _GROWTH_TOKENS
        )

    @torch.inference_mode()
    def swap(self, first: int, second: int) -> None:
        """Swap two rows; their `KVCache`s follow and stay valid."""
        # One position more: see `KVCache.trim`.
        longest = max(self.rows[first].length, self.rows[second].length) + 1
        for tensor in (self.keys, self.values):
            tensor[:, [first, second], :, :longest] = tensor[:, [second, first], :, :longest]
        a, b = self.rows[first], self.rows[second]
        a.index, b.index = second, first
        self.rows[first], self.rows[second] = b, a


def _grown(old: Tensor, used: int, capacity: int) -> Tensor:
    layers, rows, kv_heads, _, head_size = old.shape
    new = old.new_zeros((layers, rows, kv_heads, capacity, head_size))
    new[:, :, :, :used] = old[:, :, :, :used]
    return new


class KVCache:
    """One dialogue's keys and values: a row of `CacheRows`, of which `length` tokens are valid.

    New tokens are written in place.
    """

    def __init__(self, batch: CacheRows, index: int) -> None:
        self.batch = batch
        self.index = index
        self.length = 0

    @property
    def keys(self) -> Tensor:
        """[layers, 1, kv heads, capacity, head size], valid and not."""
        return self.batch.keys[:, self.index : self.index + 1]

    @property
    def values(self) -> Tensor:
        """As `keys`."""
        return self.batch.values[:, self.index : self.index + 1]

    def reserve(self, tokens: int) -> None:
        """Let the row have memory for `tokens` more than are valid now."""
        self.batch.reserve(self.length + tokens)

    def advance(self, tokens: int) -> None:
        """Count tokens as valid that every layer has written after the valid ones."""
        self.length += tokens

    @torch.inference_mode()
    def trim(self, length: int) -> None:
        """Drop all tokens after the first `length`. Raises ValueError if there are fewer.

        Zeros replace them, and the position after the last token, too: an idle row of a batch
        writes there. Masked positions take part in the attention of a batch with weight 0, so
        they must not hold NaN.
        """
        if length > self.length:
            raise ValueError(f"cannot trim {self.length} cached tokens to {length}")
        for tensor in (self.keys, self.values):
            tensor[:, :, :, length : self.length + 1] = 0
        self.length = length
