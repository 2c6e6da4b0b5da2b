"""Prefill and decode: ids in, the speech tokens of one turn out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from podtts.llm.kv_cache import KVCache
from podtts.llm.qwen3 import Qwen3
from podtts.llm.sampling import forbid_end, next_tokens
from podtts.options import SamplingOptions
from podtts.values import SpeechTokens


class NotFiniteError(ArithmeticError):
    """A model computed NaN or infinity where numbers belong."""


def prefill(model: Qwen3, ids: Sequence[int], cache: KVCache) -> Tensor:
    """Read ids behind what the cache holds; return the last hidden state [1, H]."""
    device = model.embed_tokens.weight.device
    hidden: Tensor = model(torch.tensor([ids], device=device), cache)
    return hidden[:, -1]


def turn_uniforms(options: SamplingOptions, rng: torch.Generator) -> Tensor:
    """Draw the two uniform numbers of every step a turn may take, float32 [max_tokens, 2]."""
    return torch.rand(options.max_tokens, 2, generator=rng)


@torch.inference_mode()
def generate(
    model: Qwen3,
    context: Sequence[int],
    cache: KVCache,
    options: SamplingOptions,
    rng: torch.Generator,
) -> SpeechTokens:
    """Continue `context` until the end token or the token limit.

    The cache holds a beginning of the context (possibly none of it) and is extended to all of it
    and all that is generated but the last id, which the next call reads.
    Raises NotFiniteError when logits are NaN or infinite.
    """
    config, device = model.config, model.embed_tokens.weight.device
    hidden = prefill(model, context[cache.length :], cache)
    uniforms = turn_uniforms(options, rng).to(device)
    legal = model.legal_rows().to(device)
    seen = torch.zeros(1, len(legal), dtype=torch.bool, device=device)
    recent = _recent(context, model, options.repeat_window).to(device)
    tokens: list[int] = []
    while True:
        step = len(tokens)
        logits = model.logits(hidden)
        if not bool(logits.isfinite().all()):
            raise NotFiniteError(f"the LLM's logits at step {step + 1}")
        if step < options.min_tokens:
            logits = forbid_end(logits, model.end_index)
        chosen = next_tokens(logits, seen, recent, uniforms[step : step + 1], options)
        token = int(chosen)
        if token == config.speech_vocabulary:
            return SpeechTokens(tuple(tokens), ended=True)
        tokens.append(token)
        if len(tokens) == options.max_tokens:
            return SpeechTokens(tuple(tokens), ended=False)
        seen[0, token] = True
        recent = torch.cat((recent[:, 1:], chosen[:, None]), dim=1)
        hidden = model(legal[chosen][:, None], cache)[:, -1]


def _recent(context: Sequence[int], model: Qwen3, window: int) -> Tensor:
    """The last ids of the context in the numbering of the logits, int64 [1, window]."""
    config = model.config
    last = torch.full((window,), -1)
    for place, token in enumerate(reversed(context[-window:]), start=1):
        speech = token - config.speech_token_offset
        if token == config.end_token:
            last[-place] = model.end_index
        elif 0 <= speech < config.speech_vocabulary:
            last[-place] = speech
    return last[None]
