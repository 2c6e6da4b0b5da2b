"""What one call of the LLM reads: where its tokens stand, what they see, where they are kept."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from podtts.llm.kv_cache import CacheRows, KVCache


def rotary_angles(head_size: int, theta: float, places: Tensor) -> Tensor:
    """Angles of rotary positions, float32 [..., head size / 2], for places [...]."""
    exponents = torch.arange(0, head_size, 2, dtype=torch.float32, device=places.device) / head_size
    return places[..., None].float() * (1.0 / theta**exponents)


class Rotation:
    """Rotary positions for the tokens of one call.

    Angles are float32 whatever the model's dtype; only their sine and cosine are rounded to it.
    """

    def __init__(self, angles: Tensor, dtype: torch.dtype) -> None:
        """angles: float32 [..., head size / 2], to be broadcast over [B, heads, T, head size]."""
        angles = torch.cat((angles, angles), dim=-1)
        self.cos, self.sin = angles.cos().to(dtype), angles.sin().to(dtype)

    def turn(self, x: Tensor) -> Tensor:
        """Rotate [B, heads, T, head size]."""
        first, second = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-second, first), dim=-1) * self.sin


class AttentionContext(Protocol):
    """Tokens [B, T] being read, seen from an attention layer."""

    rotation: Rotation
    mask: Tensor | None  # which keys each query row sees, bool or what is added; None: all

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keep [B, kv heads, T, head size]; return what stands before them, and them."""


class SelfContext:
    """Several tokens of each row that nothing stands before; nothing is kept, gradients flow."""

    def __init__(self, rotation: Rotation, mask: Tensor | None) -> None:
        self.rotation, self.mask = rotation, mask

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        return keys, values


class CachedContext:
    """Several tokens behind what one cache holds; `cache.length` moves when all is read."""

    def __init__(self, rotation: Rotation, mask: Tensor | None, cache: KVCache) -> None:
        self.rotation, self.mask = rotation, mask
        self._keys, self._values, self._start = cache.keys, cache.values, cache.length

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        end = self._start + keys.shape[2]
        self._keys[layer, :, :, self._start : end] = keys
        self._values[layer, :, :, self._start : end] = values
        return self._keys[layer, :, :, :end], self._values[layer, :, :, :end]


class GraphContext:
    """One token behind each of the first rows, over as many places whatever the rows hold.

    No shape and no address depends on what is read, so that the call can be recorded and replayed.
    """

    def __init__(self, rotation: Rotation, places: Tensor, keys: Tensor, values: Tensor) -> None:
        """places: int64 [R], where each row's token goes. keys, values: [layers, R, ...]."""
        self.rotation = rotation
        self._places, self._keys, self._values = places, keys, values
        self._rows = torch.arange(len(places), device=places.device)
        hidden = torch.arange(keys.shape[3], device=places.device) > places[:, None]
        # In the numbers of the keys: a fused attention adds it as it is, layer by layer.
        mask = torch.zeros(hidden.shape, dtype=keys.dtype, device=keys.device)
        self.mask: Tensor | None = mask.masked_fill(hidden, -torch.inf)[:, None, None]

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        self._keys[layer, self._rows, :, self._places] = keys[:, :, 0]
        self._values[layer, self._rows, :, self._places] = values[:, :, 0]
        return self._keys[layer], self._values[layer]


class BatchContext:
    """One token behind each of the first rows, which are of different lengths."""

    def __init__(self, rotation: Rotation, places: Tensor, caches: CacheRows) -> None:
        """places: int64 [rows], where each row's token goes."""
        self.rotation = rotation
        self._places, self._caches = places, caches
        self._rows = torch.arange(len(places), device=places.device)
        self._end = max(cache.length for cache in caches.rows[: len(places)]) + 1
        ranks = torch.arange(self._end, device=places.device)
        self.mask: Tensor | None = (ranks <= places[:, None])[:, None, None]

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        count, kept_keys, kept_values = len(self._places), self._caches.keys, self._caches.values
        kept_keys[layer, self._rows, :, self._places] = keys[:, :, 0]
        kept_values[layer, self._rows, :, self._places] = values[:, :, 0]
        return (
            kept_keys[layer, :count, :, : self._end],
            kept_values[layer, :count, :, : self._end],
        )
