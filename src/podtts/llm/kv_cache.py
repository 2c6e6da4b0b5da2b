"""Keys and values of everything the LLM has read, in preallocated memory."""

from __future__ import annotations

import torch
from torch import Tensor

_GROWTH_TOKENS = 1024  # at the published size 112 MiB in bfloat16


class KVCache:
    """Keys and values, [layers, B, kv heads, capacity, head size] each; `length` tokens are valid.

    Appending writes in place; memory grows by whole blocks, so that a long dialogue copies the
    cache a handful of times and never per token.
    """

    def __init__(
        self,
        layers: int,
        batch: int,
        kv_heads: int,
        head_size: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        shape = (layers, batch, kv_heads, 0, head_size)
        self.keys = torch.empty(shape, dtype=dtype, device=device)
        self.values = torch.empty(shape, dtype=dtype, device=device)
        self.length = 0

    def reserve(self, tokens: int) -> None:
        """Make room for `tokens` more than are valid now."""
        needed = self.length + tokens
        capacity = self.keys.shape[3]
        if needed <= capacity:
            return
        capacity = -(-needed // _GROWTH_TOKENS) * _GROWTH_TOKENS
        self.keys = self._moved(self.keys, capacity)
        self.values = self._moved(self.values, capacity)

    def _moved(self, old: Tensor, capacity: int) -> Tensor:
        layers, batch, kv_heads, _, head_size = old.shape
        new = old.new_empty((layers, batch, kv_heads, capacity, head_size))
        new[:, :, :, : self.length] = old[:, :, :, : self.length]
        return new

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write [B, kv heads, T, head size] behind the valid tokens; return all including them.

        `length` moves only when every layer has written: see `advance`.
        """
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, tokens: int) -> None:
        self.length += tokens

    def trim(self, length: int) -> None:
        """Forget everything after the first `length` tokens."""
        if length > self.length:
            raise ValueError(f"cannot trim {self.length} cached tokens to {length}")
        self.length = length
