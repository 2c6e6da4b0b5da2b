"""Reads ids into a KV cache, in pieces between which it looks for a cancellation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from podtts.device.cancellation import raise_if_cancelled
from podtts.llm.kv_cache import KVCache
from podtts.llm.qwen3 import Qwen3

# Tokens of a piece of a prefill. Where a cut may change the last bits, four prompts of 30 s and
# their transcripts are read in one piece, and so is what a window of ordinary turns begins with.
_INVARIANT_PIECE, _PIECE = 256, 4096


def prefill(model: Qwen3, ids: Sequence[int], cache: KVCache) -> Tensor:
    """Read ids that follow what the cache holds; return the last hidden state [1, H].

    They are read in pieces. Raises Cancelled before a piece that nobody needs.
    """
    device = model.embed_tokens.weight.device
    layers = model.fused_layers
    invariant = layers is not None and layers.batch_invariant
    size = _INVARIANT_PIECE if invariant else _PIECE
    cache.reserve(len(ids))  # once for all pieces
    for start in range(0, len(ids), size):
        raise_if_cancelled()
        piece = torch.tensor([ids[start : start + size]], device=device)
        hidden: Tensor = model(piece, cache)
    return hidden[:, -1]


def replay(model: Qwen3, ids: Sequence[int], cache: KVCache) -> None:
    """Read ids as `generate` reads what it draws, so that the cache is the same to the bit."""
    if ids and model.fused_layers is not None and model.fused_layers.batch_invariant:
        prefill(model, ids, cache)
        return
    for token in ids:
        prefill(model, [token], cache)
