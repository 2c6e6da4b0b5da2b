"""How a speech token is drawn: pure functions on logits, every row of a batch by itself.

The order is the published one: illegal ids masked, end token forbidden at the start of a turn,
repetition penalty, temperature, top-k, top-p, softmax; then the repetition-aware step of VALL-E 2
(arXiv:2406.05370). Logits hold the legal ids alone (see `Qwen3`), so no draw can leave them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from podtts.options import SamplingOptions


def forbid_end(logits: Tensor, end_index: int, rows: Tensor) -> Tensor:
    """Return logits [B, V] in which the end token cannot be drawn in some rows (bool [B])."""
    logits = logits.clone()
    logits[rows, end_index] = -torch.inf
    return logits


def penalize_repetition(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Make ids that were drawn in this turn (`seen`, bool [B, V]) less likely."""
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def keep_likely(logits: Tensor, top_k: int, top_p: float) -> Tensor:
    """Mask all but the top_k highest logits, then all beyond the first top_p of probability.

    Logits equal to the top_k-th all stay, and at least one id does.
    """
    ranked, order = logits.sort(dim=-1, descending=True)
    last = min(top_k, ranked.shape[1]) - 1
    ranked = ranked.masked_fill(ranked < ranked[:, last, None], -torch.inf)
    probabilities = ranked.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    ranked = ranked.masked_fill(before >= top_p, -torch.inf)
    return torch.empty_like(ranked).scatter_(1, order, ranked)


def processed_distribution(logits: Tensor, seen: Tensor, options: SamplingOptions) -> Tensor:
    """Probabilities [B, V] a token is drawn from, for logits with the end token's rule applied."""
    logits = penalize_repetition(logits, seen, options.repetition_penalty) / options.temperature
    return keep_likely(logits, options.top_k, options.top_p).softmax(dim=-1)


def draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Draw an id per row by the inverse CDF: probabilities [B, V], uniform [B] in [0, 1) -> [B].

    One number decides one draw, so a row draws the same alone and in a batch.
    """
    cdf = probabilities.cumsum(dim=-1)
    total = cdf[:, -1:]
    # The product may round up to the total, behind which no id stands.
    below = torch.nextafter(total, torch.zeros_like(total))
    return torch.searchsorted(cdf, torch.minimum(uniform[:, None] * total, below), right=True)[:, 0]


def most_likely(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Take the likeliest id per row, whatever the uniform number."""
    return probabilities.argmax(dim=-1)


def next_tokens(
    logits: Tensor,
    seen: Tensor,
    recent: Tensor,
    uniforms: Tensor,
    options: SamplingOptions,
) -> Tensor:
    """Choose the next id of every row, with the repetition-aware step.

    logits:   float32 [B, V], the end token's rule applied.
    seen:     bool [B, V], ids drawn earlier in this turn.
    recent:   int64 [B, W], the last ids of the context, -1 where not legal or not there.
    uniforms: float32 [B, 2] in [0, 1): for the candidate and for the second draw.
    returns:  int64 [B].
    """
    pick = most_likely if options.greedy else draw
    processed = processed_distribution(logits, seen, options)
    candidate = pick(processed, uniforms[:, 0])
    repeats = (recent == candidate[:, None]).sum(dim=1)
    stuck = (repeats >= options.repeat_limit)[:, None]
    return pick(torch.where(stuck, logits.softmax(dim=-1), processed), uniforms[:, 1])
