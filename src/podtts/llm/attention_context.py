"""What attention layers need to know of one call of the LLM: positions, visible keys, the cache."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from podtts.llm.kv_cache import CacheRows, KVCache


def rotary_angles(head_size: int, theta: float, positions: Tensor) -> Tensor:
    """Angles of rotary positions, float32 [..., head size / 2], for positions [...]."""
    device = positions.device
    exponents = torch.arange(0, head_size, 2, dtype=torch.float32, device=device) / head_size
    return positions[..., None].float() * (1.0 / theta**exponents)


class Rotation:
    """Rotary positions of the tokens of one call.

    Angles are float32 whatever the model's dtype; only their sine and cosine are rounded to it.
    """

    def __init__(self, angles: Tensor, dtype: torch.dtype) -> None:
        """angles: float32 [..., head size / 2], to be broadcast over [B, heads, T, head size]."""
        angles = torch.cat((angles, angles), dim=-1)
        self.cos, self.sin = angles.cos().to(dtype), angles.sin().to(dtype)

    def apply(self, x: Tensor) -> Tensor:
        """Rotate queries or keys [B, heads, T, head size]."""
        first, second = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-second, first), dim=-1) * self.sin


class AttentionContext(Protocol):
    """What the tokens [B, T] of one call attend to."""

    rotation: Rotation
    mask: Tensor | None  # the keys that each query row sees, bool or to be added; None: all

    def update(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Cache keys and values [B, kv heads, T, head size] of a layer; return all to attend to."""


class SelfContext:
    """Tokens without a cache: each row attends to itself alone, and gradients flow."""

    def __init__(self, rotation: Rotation, mask: Tensor | None) -> None:
        self.rotation, self.mask = rotation, mask

    def update(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        return keys, values


class CachedContext:
    """Tokens that follow those of one cache; the caller advances its length after all layers."""

    def __init__(self, rotation: Rotation, mask: Tensor | None, cache: KVCache) -> None:
        self.rotation, self.mask = rotation, mask
        self._keys, self._values, self._start = cache.keys, cache.values, cache.length

    def update(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        end = self._start + keys.shape[2]
        self._keys[layer, :, :, self._start : end] = keys
        self._values[layer, :, :, self._start : end] = values
        return self._keys[layer, :, :, :end], self._values[layer, :, :, :end]


class GraphContext:
    """One token of each row, over the same number of positions whatever the rows' lengths.

    No shape and no address depends on the tokens, so that the call can be recorded and replayed.
    """

    def __init__(self, rotation: Rotation, positions: Tensor, keys: Tensor, values: Tensor) -> None:
        """positions: int64 [R], of each row's token. keys, values: [layers, R, ...]."""
        self.rotation = rotation
        self._positions, self._keys, self._values = positions, keys, values
        self._rows = torch.arange(len(positions), device=positions.device)
        hidden = torch.arange(keys.shape[3], device=positions.device) > positions[:, None]
        # In the dtype of the keys: a fused attention adds it without a conversion in every layer.
        mask = torch.zeros(hidden.shape, dtype=keys.dtype, device=keys.device)
        self.mask: Tensor | None = mask.masked_fill(hidden, -torch.inf)[:, None, None]

    def update(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        self._keys[layer, self._rows, :, self._positions] = keys[:, :, 0]
        self._values[layer, self._rows, :, self._positions] = values[:, :, 0]
        return self._keys[layer], self._values[layer]


class GraphPrefillContext:
    """Several tokens of one row, see `GraphContext`."""

    def __init__(
        self,
        rotation: Rotation,
        positions: Tensor,
        row: Tensor,
        keys: Tensor,
        values: Tensor,
        queries: int,
    ) -> None:
        """positions: int64 [T]. row: int64 [1]. queries: heads per key head."""
        self.rotation = rotation
        self._positions, self._row, self._keys, self._values = positions, row, keys, values
        hidden = torch.arange(keys.shape[3], device=positions.device) > positions[:, None]
        mask = torch.zeros(hidden.shape, dtype=keys.dtype, device=keys.device)
        self.mask: Tensor | None = mask.masked_fill(hidden, -torch.inf).repeat(queries, 1)

    def update(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        for own, new in ((self._keys[layer], keys), (self._values[layer], values)):
            own[self._row, :, self._positions] = new[0].transpose(0, 1)
        return self._keys[layer][self._row], self._values[layer][self._row]


class BatchContext:
    """One token of each of the first rows, which have different lengths."""

    def __init__(self, rotation: Rotation, positions: Tensor, caches: CacheRows) -> None:
        """positions: int64 [R], of each row's token."""
        self.rotation = rotation
        self._positions, self._caches = positions, caches
        self._rows = torch.arange(len(positions), device=positions.device)
        self._end = max(cache.length for cache in caches.rows[: len(positions)]) + 1
        ranks = torch.arange(self._end, device=positions.device)
        self.mask: Tensor | None = (ranks <= positions[:, None])[:, None, None]

    def update(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        rows, all_keys, all_values = len(self._positions), self._caches.keys, self._caches.values
        all_keys[layer, self._rows, :, self._positions] = keys[:, :, 0]
        all_values[layer, self._rows, :, self._positions] = values[:, :, 0]
        return all_keys[layer, :rows, :, : self._end], all_values[layer, :rows, :, : self._end]
