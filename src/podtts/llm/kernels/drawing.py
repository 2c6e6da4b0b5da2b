"""One kernel that draws the next id of every row, notes it, and looks up its embedding.

The semantics are those of `podtts.llm.sampling.next_tokens` and `podtts.llm.decode_step.draw_step`.
Nothing is sorted: the top-k and top-p thresholds are found by bisection over the bits of floats.
Among equal logits at the edge of top-p, those with lower ids are kept, as a stable sort does. Sums
are rounded in another order than torch's, so a draw within the last bit of an edge may differ.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from podtts.llm.decode_state import DecodeState

MOST_IDS = 16_384  # a row's logits are kept in the registers of one program


@triton.jit
def _ordered(value):
    """Integers in the order of floats."""
    bits = tl.where(value == 0, 0.0, value).to(tl.int32, bitcast=True)
    return tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


@triton.jit
def _pick(probabilities, ids, uniform, greedy, BLOCK: tl.constexpr):
    """The likeliest id, or the one at a uniform number of the inverse CDF."""
    highest = tl.max(probabilities, axis=0)
    likeliest = tl.min(tl.where(probabilities == highest, ids, BLOCK), axis=0)
    cdf = tl.cumsum(probabilities, axis=0)
    total = tl.sum(tl.where(ids == BLOCK - 1, cdf, 0.0), axis=0)
    below = (total.to(tl.int32, bitcast=True) - 1).to(tl.float32, bitcast=True)
    target = tl.minimum(uniform * total, below)
    # A parallel sum may be rounded so that it rises where a probability is 0.
    possible = probabilities > 0
    drawn = tl.min(tl.where(possible & (cdf > target), ids, BLOCK), axis=0)
    last = tl.max(tl.where(possible, ids, 0), axis=0)
    return tl.where(greedy, likeliest, tl.minimum(drawn, last))


@triton.jit
def draw_rows(
    logits,
    done,
    counts,
    ended,
    failed,
    tokens,
    seen,
    recent,
    in_window,
    uniforms,
    forced,
    min_tokens,
    max_tokens,
    temperature,
    top_k,
    top_p,
    penalty,
    repeat_limit,
    greedy,
    legal,
    embedding,
    x,
    goes_on,
    vocabulary,
    steps,
    window,
    HIDDEN: tl.constexpr,
    BLOCK: tl.constexpr,
    BLOCK_WINDOW: tl.constexpr,
    BLOCK_HIDDEN: tl.constexpr,
    PDL: tl.constexpr,
):
    row, ids = tl.program_id(0), tl.arange(0, BLOCK)
    valid = ids < vocabulary
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    raw = tl.load(logits + row * vocabulary + ids, mask=valid, other=0.0).to(tl.float32)
    finite = tl.max(tl.where(tl.abs(raw) < float("inf"), 0, 1), axis=0) == 0
    raw = tl.where(valid, tl.where(finite, raw, 0.0), float("-inf"))
    count = tl.load(counts + row)
    end = vocabulary - 1
    raw = tl.where((ids == end) & (count < tl.load(min_tokens + row)), float("-inf"), raw)

    was_seen = tl.load(seen + row * vocabulary + ids, mask=valid, other=0) != 0
    factor = tl.load(penalty + row)
    less = tl.where(raw < 0, raw * factor, tl.div_rn(raw, tl.zeros([BLOCK], tl.float32) + factor))
    scaled = tl.where(was_seen, less, raw)
    heat = tl.load(temperature + row)
    scaled = tl.where(valid, tl.div_rn(scaled, tl.zeros([BLOCK], tl.float32) + heat), float("-inf"))
    order = tl.where(valid, _ordered(scaled), -2147483648)

    # The highest number that at least top_k ids reach.
    wanted = tl.minimum(tl.load(top_k + row), vocabulary)
    low, high = tl.full([], -2147483648, tl.int64), tl.full([], 2147483648, tl.int64)
    for _ in range(32):
        middle = low + ((high - low) >> 1)
        reached = tl.sum((order >= middle.to(tl.int32)).to(tl.int32), axis=0) >= wanted
        low, high = tl.where(reached, middle, low), tl.where(reached, high, middle)
    kept = valid & (order >= low.to(tl.int32))
    best = tl.max(scaled, axis=0)
    weight = tl.where(kept, tl.exp(scaled - best), 0.0)
    share = tl.div_rn(weight, tl.zeros([BLOCK], tl.float32) + tl.sum(weight, axis=0))
    # The lowest number above which less than top_p of probability lies.
    limit = tl.load(top_p + row)
    low, high = tl.full([], -2147483649, tl.int64), tl.full([], 2147483647, tl.int64)
    for _ in range(32):
        middle = low + ((high - low) >> 1)
        above = tl.sum(tl.where(order > middle.to(tl.int32), share, 0.0), axis=0)
        low, high = tl.where(above < limit, low, middle), tl.where(above < limit, middle, high)
    edge = high.to(tl.int32)
    above = tl.sum(tl.where(order > edge, share, 0.0), axis=0)
    equal = kept & (order == edge)
    before = above + (tl.cumsum(equal.to(tl.int32), axis=0) - 1).to(tl.float32) * share
    kept = kept & ((order > edge) | (equal & (before < limit)))
    weight = tl.where(kept, weight, 0.0)
    share = tl.div_rn(weight, tl.zeros([BLOCK], tl.float32) + tl.sum(weight, axis=0))

    likeliest = tl.load(greedy + row) != 0
    step = tl.minimum(count, steps - 1)
    numbers = uniforms + (row * steps + step) * 2
    candidate = _pick(share, ids, tl.load(numbers), likeliest, BLOCK)
    ranks = tl.arange(0, BLOCK_WINDOW)
    inside = ranks < window
    looked = tl.load(in_window + row * window + ranks, mask=inside, other=0) != 0
    last = tl.load(recent + row * window + ranks, mask=looked, other=-1)
    repeats = tl.sum((last == candidate).to(tl.int32), axis=0)
    if repeats >= tl.load(repeat_limit + row):
        weight = tl.exp(raw - tl.max(raw, axis=0))
        share = tl.div_rn(weight, tl.zeros([BLOCK], tl.float32) + tl.sum(weight, axis=0))
    chosen = _pick(share, ids, tl.load(numbers + 1), likeliest, BLOCK).to(tl.int64)
    given = tl.load(forced + row * steps + step)
    chosen = tl.where(given < 0, chosen, given)

    is_active = tl.load(done + row) == 0
    draws = is_active & finite
    ends = draws & (chosen == end)
    takes = draws & (chosen != end)
    if is_active & (finite == 0):
        tl.store(failed + row, 1)
    if ends:
        tl.store(ended + row, 1)
    tl.store(tokens + row * (steps + 1) + count, chosen)
    newer = tl.load(recent + row * window + ranks + 1, mask=ranks < window - 1, other=0)
    newer = tl.where(ranks == window - 1, chosen, newer)
    tl.debug_barrier()  # all is read that is written here
    if takes:
        tl.store(seen + row * vocabulary + chosen, 1)
        tl.store(recent + row * window + ranks, newer, mask=inside)
    count += takes.to(tl.int64)
    moves = takes & (count < tl.load(max_tokens + row))
    tl.store(counts + row, count)
    tl.store(done + row, (moves == 0).to(tl.int8))
    tl.store(goes_on + row, moves.to(tl.int64))

    columns = tl.arange(0, BLOCK_HIDDEN)
    token = tl.load(legal + chosen)
    state = tl.load(embedding + token * HIDDEN + columns, mask=columns < HIDDEN, other=0.0)
    tl.store(x + row * HIDDEN + columns, state.to(tl.float32), mask=columns < HIDDEN)


def draw_and_embed(
    logits: Tensor,
    state: DecodeState,
    legal: Tensor,
    embedding: Tensor,
    x: Tensor,
    goes_on: Tensor,
    *,
    overlap: bool = False,
) -> None:
    """Draw an id for every row whose turn is not done, note it, and embed it.

    logits:    [R, V], V up to `MOST_IDS`; the last id ends a turn.
    legal:     int64 [V], ids in the order of the logits. embedding: [vocabulary, H].
    x:         float32 [R, H], written. goes_on: int64 [R], written: 1 where the turn goes on.
    overlap:   see `podtts.llm.kernels.projection.project`.
    """
    rows, vocabulary = logits.shape
    steps, window, hidden = state.forced.shape[1], state.recent.shape[1], x.shape[1]
    options = state.options
    draw_rows[(rows,)](
        logits, _bytes(state.done), state.counts, _bytes(state.ended), _bytes(state.failed),
        state.tokens, _bytes(state.seen), state.recent, _bytes(state.in_window), state.uniforms,
        state.forced, state.min_tokens, state.max_tokens, options.temperature, options.top_k,
        options.top_p, options.repetition_penalty, options.repeat_limit, _bytes(options.greedy),
        legal, embedding, x, goes_on, vocabulary, steps, window,
        HIDDEN=hidden, BLOCK=triton.next_power_of_2(vocabulary),
        BLOCK_WINDOW=triton.next_power_of_2(window), BLOCK_HIDDEN=triton.next_power_of_2(hidden),
        PDL=overlap, launch_pdl=overlap, num_warps=16,
    )  # fmt: skip


def _bytes(flags: Tensor) -> Tensor:
    return flags.view(torch.int8)
