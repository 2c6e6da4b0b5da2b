"""Draws speech tokens: pure functions on logits, in which rows of a batch are independent.

The order is the published one: illegal ids masked, end token forbidden at the start of a turn,
repetition penalty, temperature, top-k, top-p, softmax; then the repetition-aware step of VALL-E 2
(arXiv:2406.05370). Logits hold the legal ids alone (see `Qwen3`), so no draw can leave them.

Nothing here copies a number to the host, so that a device can record all of it as a graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.options import SamplingOptions

_FEW = 8  # up to a share of 1/8 of the ids, finding the highest is faster than sorting


@dataclass(frozen=True, eq=False)
class RowOptions:
    """`SamplingOptions` of every row of a batch; each tensor is [B, 1]."""

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
        """Collect the options of the rows into tensors."""

        def column(numbers: Sequence[float], dtype: torch.dtype) -> Tensor:
            return torch.tensor(numbers, dtype=dtype, device=device)[:, None]

        return cls(
            column([row.temperature for row in options], torch.float32),
            column([row.top_k for row in options], torch.int64),
            column([row.top_p for row in options], torch.float32),
            column([row.repetition_penalty for row in options], torch.float32),
            column([row.repeat_limit for row in options], torch.int64),
            column([row.greedy for row in options], torch.bool),
        )


def forbid_end(logits: Tensor, end_index: int, rows: Tensor) -> Tensor:
    """Return logits [B, V] that forbid the end token in the rows [B] that are True."""
    ids = torch.arange(logits.shape[1], device=logits.device)
    return logits.masked_fill(rows[:, None] & (ids == end_index), -torch.inf)


def penalize_repetition(logits: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Make ids that the turn holds already (`seen`, bool [B, V]) less likely; penalty: [B, 1]."""
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def keep_likely(logits: Tensor, top_k: Tensor, top_p: Tensor) -> Tensor:
    """Mask all but the top_k highest logits, then all after the first top_p of probability.

    top_k, top_p: [B, 1]. Keeps all logits that equal the top_k-th, and at least one id.
    """
    ranked, order = _ranked(logits, top_k)
    last = top_k.clamp(max=ranked.shape[1]) - 1
    ranked = ranked.masked_fill(ranked < ranked.gather(1, last), -torch.inf)
    probabilities = ranked.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    ranked = ranked.masked_fill(before >= top_p, -torch.inf)
    likely = torch.full_like(ranked, -torch.inf)
    return likely.scatter_(1, order, ranked[:, : order.shape[1]])


def _ranked(logits: Tensor, top_k: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [B, V] from the highest on, and the ids of at least the top_k highest of each row.

    On a CPU, a few are found sooner than all are sorted; the others are -inf then. Where some of
    them are equal, all are sorted, because their order would be another.
    """
    size = logits.shape[1]
    if logits.device.type == "cpu":
        count = int(top_k.max()) + 1
        if count <= size // _FEW:
            ranked, order = logits.topk(count)
            if bool((ranked[:, 1:] < ranked[:, :-1]).all()):
                return F.pad(ranked, (0, size - count), value=-torch.inf), order
    return logits.sort(dim=-1, descending=True)


def processed_distribution(logits: Tensor, seen: Tensor, options: RowOptions) -> Tensor:
    """Probabilities [B, V] of the first draw, for logits after `forbid_end`."""
    logits = penalize_repetition(logits, seen, options.repetition_penalty) / options.temperature
    return keep_likely(logits, options.top_k, options.top_p).softmax(dim=-1)


def draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Draw an id per row by the inverse CDF: probabilities [B, V], uniform [B] in [0, 1) -> [B].

    One number decides one draw, so a row draws the same ids alone and in a batch.
    """
    cdf = probabilities.cumsum(dim=-1)
    total = cdf[:, -1:]
    # The product may round up to the total, which is beyond the last id.
    below = torch.nextafter(total, torch.zeros_like(total))
    return torch.searchsorted(cdf, torch.minimum(uniform[:, None] * total, below), right=True)[:, 0]


def next_tokens(
    logits: Tensor,
    seen: Tensor,
    recent: Tensor,
    uniforms: Tensor,
    options: RowOptions,
) -> Tensor:
    """Choose the next id of every row, including the repetition-aware step.

    logits:   float32 [B, V], after `forbid_end`.
    seen:     bool [B, V], ids that the turn holds.
    recent:   int64 [B, W], the last ids of the context; -1: not a legal id, or none.
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
