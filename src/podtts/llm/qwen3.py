"""The Qwen3 decoder, with its output head cut to what a turn may hold.

Source: Qwen3 technical report (arXiv:2505.09388), QwenLM/Qwen3, Apache-2.0; parameter names are
those of the published checkpoint (huggingface/transformers layout). Held to it by golden logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.llm.attention_context import (
    AttentionContext,
    BatchContext,
    CachedContext,
    GraphContext,
    Rotation,
    SelfContext,
    rotary_angles,
)
from podtts.llm.kv_cache import CacheRows, KVCache
from podtts.nn.embedding import TokenEmbedding


@dataclass(frozen=True)
class Qwen3Config:
    """Sizes of the decoder and the ids a turn may consist of."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    rms_norm_eps: float
    rope_theta: float
    tied_head: bool  # the output head is the input embedding
    speech_token_offset: int  # id of speech token 0
    speech_vocabulary: int  # number of speech tokens
    end_token: int  # id that ends a turn


class FusedLayers(Protocol):
    """All layers and the last norm as one call: `NativeLayers`, `OnnxLayers`."""

    cache_dtype: torch.dtype  # of keys and values
    batch_invariant: bool  # what is read is the same to the bit, at once and one by one

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights in memory; all are read once a call."""

    def read(self, x: Tensor, caches: CacheRows, rows: range) -> Tensor:
        """Read embeddings behind what rows of the caches hold; no row's length moves.

        x: float32 [R, T, H]; T above 1 for one row alone. returns: float32 [R, T, H].
        """

    def logits(self, hidden: Tensor) -> Tensor | None:
        """Logits as of `Qwen3.logits`; None: the head is not computed here."""


class RMSNorm(nn.Module):
    """Root-mean-square norm in float32, rounded before it is scaled: the published order.

    `nn.RMSNorm` rounds once, at the end. In bfloat16 that moves logits as far from the published
    ones as these are from float32; in this order they are the same to the bit.
    """

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * F.rms_norm(x.float(), self.weight.shape, eps=self.eps).to(x.dtype)


class Attention(nn.Module):
    """Grouped-query attention with normalised queries and keys."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.heads, self.kv_heads = config.heads, config.kv_heads
        self.head_size = config.head_size
        query_size, kv_size = config.heads * config.head_size, config.kv_heads * config.head_size
        self.q_proj = nn.Linear(config.hidden_size, query_size, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, kv_size, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, kv_size, bias=False)
        self.o_proj = nn.Linear(query_size, config.hidden_size, bias=False)
        self.q_norm = RMSNorm(config.head_size, config.rms_norm_eps)
        self.k_norm = RMSNorm(config.head_size, config.rms_norm_eps)

    def forward(self, x: Tensor, layer: int, reading: AttentionContext) -> Tensor:
        batch, tokens, _ = x.shape
        q = self.q_norm(self.q_proj(x).view(batch, tokens, self.heads, self.head_size))
        k = self.k_norm(self.k_proj(x).view(batch, tokens, self.kv_heads, self.head_size))
        v = self.v_proj(x).view(batch, tokens, self.kv_heads, self.head_size)
        rotation = reading.rotation
        q, k = rotation.turn(q.transpose(1, 2)), rotation.turn(k.transpose(1, 2))
        keys, values = reading.extend(layer, k, v.transpose(1, 2))
        # The query heads that share a key head stand side by side as more query rows, so that no
        # key is ever copied.
        q = q.reshape(batch, self.kv_heads, -1, self.head_size)
        y = F.scaled_dot_product_attention(q, keys, values, attn_mask=reading.mask)
        y = y.reshape(batch, self.heads, tokens, self.head_size).transpose(1, 2)
        out: Tensor = self.o_proj(y.reshape(batch, tokens, -1))
        return out


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """Attention, then feed-forward, each behind a norm and added to what came in."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, layer: int, reading: AttentionContext) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), layer, reading)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Qwen3(nn.Module):
    """Token ids in, logits over the legal ids out; the KV cache is an argument.

    The legal ids are the speech tokens and the end token. In logits they are numbered from 0:
    speech tokens first, the end token last (`end_index`).
    """

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = TokenEmbedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        # In place of `layers` and `norm` once they are laid out for a CPU.
        self.fused_layers: FusedLayers | None = None
        # The rows of the output head that are ever legal; filled by `cut_head`.
        self.head = nn.Linear(config.hidden_size, config.speech_vocabulary + 1, bias=False)

    @property
    def end_index(self) -> int:
        return self.config.speech_vocabulary

    def legal_rows(self) -> Tensor:
        """Ids in the order of the logits, int64 [V]."""
        config = self.config
        speech = torch.arange(config.speech_vocabulary) + config.speech_token_offset
        return torch.cat((speech, torch.tensor([config.end_token])))

    def step_weight_bytes(self) -> int:
        """Bytes of the weights that one step reads, whatever it reads them for."""
        layers = (
            self.fused_layers.weight_bytes
            if self.fused_layers is not None
            else _bytes_of(self.layers)
        )
        return layers + _bytes_of(self.norm) + _bytes_of(self.head)

    def new_cache(self) -> KVCache:
        """An empty cache for one dialogue."""
        return self.new_caches(1).rows[0]

    def new_caches(self, rows: int) -> CacheRows:
        """Empty caches for dialogues side by side."""
        weight, config = self.embed_tokens.weight, self.config
        dtype = weight.dtype if self.fused_layers is None else self.fused_layers.cache_dtype
        return CacheRows(
            config.layers, rows, config.kv_heads, config.head_size, dtype, weight.device
        )

    def forward(self, ids: Tensor, cache: KVCache | None = None) -> Tensor:
        """Read ids int64 [B, T]; return hidden states [B, T, H].

        With a cache, B is 1 and the ids stand behind what it holds. Without one nothing is kept,
        and gradients flow.
        """
        past, tokens = (cache.length if cache is not None else 0), ids.shape[1]
        x = self.embed_tokens(ids)
        if self.fused_layers is not None:
            cache = cache or self.new_cache()
            cache.reserve(tokens)
            hidden = self.fused_layers.read(
                x.float(), cache.together, range(cache.index, cache.index + 1)
            )
            cache.advance(tokens)
            return hidden
        rotation = self._rotation(torch.arange(past, past + tokens, device=x.device), x.dtype)
        mask = self._mask(past, tokens, x.device)
        if cache is None:
            return self._read(x, SelfContext(rotation, mask))
        cache.reserve(tokens)
        hidden = self._read(x, CachedContext(rotation, mask, cache))
        cache.advance(tokens)
        return hidden

    def step(self, ids: Tensor, caches: CacheRows) -> Tensor:
        """Read one id behind each of the first rows: int64 [R] -> hidden states [R, H].

        No row's length moves: the caller knows which rows' ids were meant.
        """
        rows = caches.rows[: len(ids)]
        caches.reserve(max(cache.length for cache in rows) + 1)
        x = self.embed_tokens(ids[:, None])
        if self.fused_layers is not None:
            return self.fused_layers.read(x.float(), caches, range(len(rows)))[:, 0]
        places = torch.tensor([cache.length for cache in rows], device=x.device)
        if len(rows) == 1:  # the very call that reads a single token elsewhere
            return self._read(x, CachedContext(self._rotation(places, x.dtype), None, rows[0]))[
                :, 0
            ]
        rotation = self._rotation(places[:, None, None], x.dtype)
        return self._read(x, BatchContext(rotation, places, caches))[:, 0]

    def graph_step(self, ids: Tensor, places: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Read one id of each row: like `step`, but all that varies is in tensors.

        ids, places:  int64 [R], ids and where they stand.
        keys, values: [layers, R, kv heads, places, head size], of `CacheRows` or of a part of it.
        returns:      hidden states [R, H]. Not for layers at once.
        """
        rotation = self._rotation(places[:, None, None], keys.dtype)
        x = self.embed_tokens(ids[:, None])
        return self._read(x, GraphContext(rotation, places, keys, values))[:, 0]

    def _read(self, x: Tensor, reading: AttentionContext) -> Tensor:
        for number, layer in enumerate(self.layers):
            x = layer(x, number, reading)
        hidden: Tensor = self.norm(x)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits over the legal ids, float32 [..., V], for hidden states [..., H]."""
        compiled = None if self.fused_layers is None else self.fused_layers.logits(hidden)
        if compiled is not None:
            return compiled
        out: Tensor = self.head(hidden.to(self.head.weight.dtype)).float()
        return out

    def _rotation(self, places: Tensor, dtype: torch.dtype) -> Rotation:
        config = self.config
        return Rotation(rotary_angles(config.head_size, config.rope_theta, places), dtype)

    def _mask(self, past: int, tokens: int, device: torch.device) -> Tensor | None:
        """Which keys each query row sees, bool [heads per key head * T, past + T]."""
        if tokens == 1:
            return None
        seen = torch.ones(tokens, past + tokens, dtype=torch.bool, device=device).tril(past)
        return seen.repeat(self.config.heads // self.config.kv_heads, 1)


def _bytes_of(module: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))
