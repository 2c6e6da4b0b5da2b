"""How a speech token is drawn: pure functions on logits, every row of a batch by itself.

The order is the published one: illegal ids masked, end token forbidden at the start of a turn,
repetition penalty, temperature, top-k, top-p, softmax; then the repetition-aware step of VALL-E 2
(arXiv:2406.05370). Logits hold the legal ids alone (see `Qwen3`), so no draw can leave them.

Nothing here asks the device for a number, so that a device may run it all without the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from podtts.options import SamplingOptions


@dataclass(frozen=True, eq=False)
class RowOptions:
    """`SamplingOptions` of rows, a number a row: each tensor is [B, 1]."""

    temperature: Tensor  # float32
    top_k: Tensor  # int64
    top_p: Tensor  # float32
    repetition_penalty: Tensor  # float32
    repeat_limit: Tensor  # int64
    greedy: Tensor  # bool

    @classmethod
    def of(
        cls, options: Sequence[SamplingOptions], device: torch.device | None = None
    ) -> RowOptions:
        """The options of every row."""

        def column(numbers: Sequence[float], dtype: torch.dtype) -> Tensor:
            return torch.tensor(numbers, dtype=dtype, device=device)[:, None]

        return cls(
            column([one.temperature for one in options], torch.float32),
            column([one.top_k for one in options], torch.int64),
            column([one.top_p for one in options], torch.float32),
            column([one.repetition_penalty for one in options], torch.float32),
            column([one.repeat_limit for one in options], torch.int64),
            column([one.greedy for one in options], torch.bool),
        )


def forbid_end(logits: Tensor, end_index: int, rows: Tensor) -> Tensor:
    """Return logits [B, V] in which the end token cannot be drawn in some rows (bool [B])."""
    ids = torch.arange(logits.shape[1], device=logits.device)
    return logits.masked_fill(rows[:, None] & (ids == end_index), -torch.inf)


def penalize_repetition(logits: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Make ids that were drawn in this turn (`seen`, bool [B, V]) less likely; penalty: [B, 1]."""
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def keep_likely(logits: Tensor, top_k: Tensor, top_p: Tensor) -> Tensor:
    """Mask all but the top_k highest logits, then all beyond the first top_p of probability.

    top_k, top_p: [B, 1]. Logits equal to the top_k-th all stay, and at least one id does.
    """
    ranked, order = logits.sort(dim=-1, descending=True)
    last = top_k.clamp(max=ranked.shape[1]) - 1
    ranked = ranked.masked_fill(ranked < ranked.gather(1, last), -torch.inf)
    probabilities = ranked.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    ranked = ranked.masked_fill(before >= top_p, -torch.inf)
    return torch.empty_like(ranked).scatter_(1, order, ranked)


def processed_distribution(logits: Tensor, seen: Tensor, options: RowOptions) -> Tensor:
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


def next_tokens(
    logits: Tensor,
    seen: Tensor,
    recent: Tensor,
    uniforms: Tensor,
    options: RowOptions,
) -> Tensor:
    """Choose the next id of every row, with the repetition-aware step.

    logits:   float32 [B, V], the end token's rule applied.
    seen:     bool [B, V], ids drawn earlier in this turn.
    recent:   int64 [B, W], the last ids of the context, -1 where not legal or not there.
    uniforms: float32 [B, 2] in [0, 1): for the candidate and for the second draw.
    returns:  int64 [B].
    """

    def pick(probabilities: Tensor, uniform: Tensor) -> Tensor:
        likeliest = probabilities.argmax(dim=-1)
        return torch.where(options.greedy[:, 0], likeliest, draw(probabilities, uniform))

    processed = processed_distribution(logits, seen, options)
    candidate = pick(processed, uniforms[:, 0])
    repeats = (recent == candidate[:, None]).sum(dim=1, keepdim=True)
    stuck = repeats >= options.repeat_limit
    return pick(torch.where(stuck, logits.softmax(dim=-1), processed), uniforms[:, 1])
