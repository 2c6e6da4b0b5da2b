"""The Qwen3 decoder, with an output head for the ids that a turn may hold.

Source: Qwen3 technical report (arXiv:2505.09388), QwenLM/Qwen3, Apache-2.0; parameter names are
those of the published checkpoint (huggingface/transformers layout). Golden tests compare logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from podtts.deprecation import renamed_method
from podtts.llm.attention_context import (
    AttentionContext,
    BatchContext,
    CachedContext,
    GraphContext,
    GraphPrefillContext,
    Rotation,
    SelfContext,
    rotary_angles,
)
from podtts.llm.kv_cache import CacheRows, KVCache
from podtts.nn.embedding import TokenEmbedding


@dataclass(frozen=True)
class Qwen3Config:
    """Sizes of the decoder and the ids that a turn may hold."""

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
    """All layers and the last norm in one call: `NativeLayers`, `OnnxLayers`."""

    cache_dtype: torch.dtype  # of keys and values
    batch_invariant: bool  # results have the same bits for many tokens a call and for one

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights in memory; every call reads all of them once."""

    def forward(self, x: Tensor, caches: CacheRows, rows: range) -> Tensor:
        """Hidden states of the next tokens of some rows; caches their keys and values.

        The caller advances the rows' lengths.
        x:       embeddings float32 [R, T, H]; T above 1 for a single row only.
        returns: float32 [R, T, H].
        """

    def logits(self, hidden: Tensor) -> Tensor | None:
        """Logits as of `Qwen3.logits`; None: the caller computes them."""


class RMSNorm(nn.Module):
    """Root-mean-square norm in float32, rounded before it is scaled: the published order.

    `nn.RMSNorm` rounds once, at the end. In bfloat16 that moves logits as far from the published
    ones as these are from float32; in this order they have the same bits.
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

    def forward(self, x: Tensor, layer: int, context: AttentionContext) -> Tensor:
        batch, tokens, _ = x.shape
        q = self.q_norm(self.q_proj(x).view(batch, tokens, self.heads, self.head_size))
        k = self.k_norm(self.k_proj(x).view(batch, tokens, self.kv_heads, self.head_size))
        v = self.v_proj(x).view(batch, tokens, self.kv_heads, self.head_size)
        rotation = context.rotation
        q, k = rotation.apply(q.transpose(1, 2)), rotation.apply(k.transpose(1, 2))
        keys, values = context.update(layer, k, v.transpose(1, 2))
        # The query heads that share a key head become more query rows of it, so that no key is
        # copied.
        q = q.reshape(batch, self.kv_heads, -1, self.head_size)
        y = F.scaled_dot_product_attention(q, keys, values, attn_mask=context.mask)
        y = y.reshape(batch, self.heads, tokens, self.head_size).transpose(1, 2)
        out: Tensor = self.o_proj(y.reshape(batch, tokens, -1))
        return out


class FeedForward(nn.Module):
    """SwiGLU (arXiv:2002.05202)."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Layer(nn.Module):
    """Attention, then feed-forward, each after a norm and with a residual connection."""

    def __init__(self, config: Qwen3Config) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor, layer: int, context: AttentionContext) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), layer, context)
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
        # Replaces `layers` and `norm` if it is set (see podtts.llm.quantized).
        self.fused_layers: FusedLayers | None = None
        # The legal rows of the published output head (see podtts.weights.load).
        self.head = nn.Linear(config.hidden_size, config.speech_vocabulary + 1, bias=False)

    @property
    def end_index(self) -> int:
        """Index of the end token in logits."""
        return self.config.speech_vocabulary

    def legal_rows(self) -> Tensor:
        """The legal ids in the order of the logits, int64 [V]."""
        config = self.config
        speech = torch.arange(config.speech_vocabulary) + config.speech_token_offset
        return torch.cat((speech, torch.tensor([config.end_token])))

    def step_weight_bytes(self) -> int:
        """Bytes of weights that a decode step reads, for any number of rows."""
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
        """Empty caches for a batch of dialogues."""
        weight, config = self.embed_tokens.weight, self.config
        dtype = weight.dtype if self.fused_layers is None else self.fused_layers.cache_dtype
        return CacheRows(
            config.layers, rows, config.kv_heads, config.head_size, dtype, weight.device
        )

    def forward(self, ids: Tensor, cache: KVCache | None = None) -> Tensor:
        """Hidden states [B, T, H] of ids int64 [B, T].

        With a cache, B is 1, and the ids follow those of the cache, which holds them afterwards.
        Without one, gradients flow.
        """
        past, tokens = (cache.length if cache is not None else 0), ids.shape[1]
        x = self.embed_tokens(ids)
        if self.fused_layers is not None:
            cache = cache or self.new_cache()
            cache.reserve(tokens)
            hidden = self.fused_layers.forward(
                x.float(), cache.batch, range(cache.index, cache.index + 1)
            )
            cache.advance(tokens)
            return hidden
        rotation = self._rotation(torch.arange(past, past + tokens, device=x.device), x.dtype)
        mask = self._mask(past, tokens, x.device)
        if cache is None:
            return self._run_layers(x, SelfContext(rotation, mask))
        cache.reserve(tokens)
        hidden = self._run_layers(x, CachedContext(rotation, mask, cache))
        cache.advance(tokens)
        return hidden

    def step(self, ids: Tensor, caches: CacheRows) -> Tensor:
        """Hidden states [R, H] of one id, int64 [R], for each of the first rows of the caches.

        No row's length changes: the caller advances the rows that it decodes.
        """
        rows = caches.rows[: len(ids)]
        caches.reserve(max(cache.length for cache in rows) + 1)
        x = self.embed_tokens(ids[:, None])
        if self.fused_layers is not None:
            return self.fused_layers.forward(x.float(), caches, range(len(rows)))[:, 0]
        positions = torch.tensor([cache.length for cache in rows], device=x.device)
        context: AttentionContext
        if len(rows) == 1:  # the same calls as in `forward`, so the same bits
            context = CachedContext(self._rotation(positions, x.dtype), None, rows[0])
        else:
            rotation = self._rotation(positions[:, None, None], x.dtype)
            context = BatchContext(rotation, positions, caches)
        return self._run_layers(x, context)[:, 0]

    step_fixed = renamed_method("Qwen3.step_fixed", "graph_step")

    def graph_step(self, ids: Tensor, positions: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Hidden states [R, H] of one id for each row: like `step`, but all input is tensors.

        ids, positions: int64 [R].
        keys, values:   [layers, R, kv heads, positions, head size], of `CacheRows` or a part of it.
        Not for fused layers.
        """
        rotation = self._rotation(positions[:, None, None], keys.dtype)
        x = self.embed_tokens(ids[:, None])
        return self._run_layers(x, GraphContext(rotation, positions, keys, values))[:, 0]

    def graph_prefill(
        self, ids: Tensor, start: Tensor, row: Tensor, keys: Tensor, values: Tensor
    ) -> Tensor:
        """Hidden states [1, T, H] of ids [1, T] of a row: like `forward`, but all input is tensors.

        start, row:   int64 [1], the position of the first id, and the row whose cache it follows.
        keys, values: see `graph_step`.
        """
        positions = start + torch.arange(ids.shape[1], device=ids.device)
        rotation = self._rotation(positions, keys.dtype)
        queries = self.config.heads // self.config.kv_heads
        context = GraphPrefillContext(rotation, positions, row, keys, values, queries)
        return self._run_layers(self.embed_tokens(ids), context)

    def _run_layers(self, x: Tensor, context: AttentionContext) -> Tensor:
        for number, layer in enumerate(self.layers):
            x = layer(x, number, context)
        hidden: Tensor = self.norm(x)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits over the legal ids, float32 [..., V], for hidden states [..., H]."""
        fused = None if self.fused_layers is None else self.fused_layers.logits(hidden)
        if fused is not None:
            return fused
        out: Tensor = self.head(hidden.to(self.head.weight.dtype)).float()
        return out

    def _rotation(self, positions: Tensor, dtype: torch.dtype) -> Rotation:
        config = self.config
        return Rotation(rotary_angles(config.head_size, config.rope_theta, positions), dtype)

    def _mask(self, past: int, tokens: int, device: torch.device) -> Tensor | None:
        """The keys that each query row sees, bool [heads per key head * T, past + T]."""
        if tokens == 1:
            return None
        visible = torch.ones(tokens, past + tokens, dtype=torch.bool, device=device).tril(past)
        return visible.repeat(self.config.heads // self.config.kv_heads, 1)


def _bytes_of(module: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))
