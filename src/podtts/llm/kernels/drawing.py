"""One kernel that draws the next id of every row, notes it, and looks up its embedding.

The semantics are those of `podtts.llm.sampling.next_tokens` and `podtts.llm.decode_step.draw_step`.
Nothing is sorted. A bisection finds up to `FEW` ids among which all of top-k are; each of those is
compared with each other. Where there are more, bisections over the bits of floats find thresholds.
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
FEW = 128  # candidates of which each is compared with each other


@triton.jit
def _ordered(value):
    """Integers in the order of floats."""
    bits = tl.where(value == 0, 0.0, value).to(tl.int32, bitcast=True)
    return tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


@triton.jit
def _divided(numbers, divisor, SIZE: tl.constexpr):
    """Divide as torch does, to the last bit."""
    return tl.div_rn(numbers, tl.zeros([SIZE], tl.float32) + divisor)


@triton.jit
def _pick(probabilities, ids, uniform, greedy, BLOCK: tl.constexpr):
    """The rank of the likeliest, or of that at a uniform number of the inverse CDF."""
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
def _lower_bound(scaled, best, lowest, wanted, LIMIT: tl.constexpr):
    """A number that `wanted` ids or more reach, if possible `LIMIT` at most; how many do."""
    low, high = lowest, best
    reached = tl.sum((scaled >= low).to(tl.int32), axis=0)
    tries = tl.where(wanted > LIMIT, 24, 0)
    while (reached > LIMIT) & (tries < 24):
        middle = low + (high - low) * 0.5
        number = tl.sum((scaled >= middle).to(tl.int32), axis=0)
        enough = number >= wanted
        low, high = tl.where(enough, middle, low), tl.where(enough, high, middle)
        reached = tl.where(enough, number, reached)
        tries += 1
    return low, reached


@triton.jit
def _shares_of_few(
    scaled, ids, bound, best, wanted, limit, candidates, BLOCK: tl.constexpr, LIMIT: tl.constexpr
):
    """Ids of the candidates, those that reach the bound, and the probability of each."""
    chosen = scaled >= bound
    slots = tl.cumsum(chosen.to(tl.int32), axis=0) - 1
    tl.store(candidates + slots, scaled.to(tl.int32, bitcast=True), mask=chosen)
    tl.store(candidates + LIMIT + slots, ids, mask=chosen)
    number = tl.max(slots, axis=0) + 1
    tl.debug_barrier()  # other lanes read them
    ranks = tl.arange(0, LIMIT)
    inside = ranks < number
    value = tl.load(candidates + ranks, mask=inside, other=0).to(tl.float32, bitcast=True)
    own = tl.load(candidates + LIMIT + ranks, mask=inside, other=0)
    value = tl.where(inside, value, float("-inf"))
    others = tl.load(candidates + ranks, mask=inside, other=0).to(tl.float32, bitcast=True)
    others = tl.where(inside, others, float("-inf"))
    larger = others[:, None] > value[None, :]
    kept = inside & (tl.sum(larger.to(tl.int32), axis=0) < wanted)
    weight = tl.where(kept, tl.exp(value - best), 0.0)
    share = _divided(weight, tl.sum(weight, axis=0), LIMIT)
    first = larger | ((others[:, None] == value[None, :]) & (ranks[:, None] < ranks[None, :]))
    before = tl.sum(tl.where(first, share[:, None], 0.0), axis=0)
    weight = tl.where(kept & (before < limit), weight, 0.0)
    return own, _divided(weight, tl.sum(weight, axis=0), LIMIT)


@triton.jit
def _shares_of_all(scaled, valid, best, wanted, limit, BLOCK: tl.constexpr):
    """The probability of every id."""
    order = tl.where(valid, _ordered(scaled), -2147483648)
    # The highest number that at least top_k ids reach.
    low, high = tl.full([], -2147483648, tl.int64), tl.full([], 2147483648, tl.int64)
    for _ in range(32):
        middle = low + ((high - low) >> 1)
        reached = tl.sum((order >= middle.to(tl.int32)).to(tl.int32), axis=0) >= wanted
        low, high = tl.where(reached, middle, low), tl.where(reached, high, middle)
    kept = valid & (order >= low.to(tl.int32))
    weight = tl.where(kept, tl.exp(scaled - best), 0.0)
    share = _divided(weight, tl.sum(weight, axis=0), BLOCK)
    # The lowest number above which less than top_p of probability lies.
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
    return _divided(weight, tl.sum(weight, axis=0), BLOCK)


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
    candidates,
    vocabulary,
    steps,
    window,
    HIDDEN: tl.constexpr,
    BLOCK: tl.constexpr,
    BLOCK_WINDOW: tl.constexpr,
    BLOCK_HIDDEN: tl.constexpr,
    FEW: tl.constexpr,
    PDL: tl.constexpr,
):
    row, ids = tl.program_id(0), tl.arange(0, BLOCK)
    valid = ids < vocabulary
    if PDL:
        gdc_launch_dependents()
    # All but the logits is of the step before, which is done: see `KernelStep`.
    was_seen = tl.load(seen + row * vocabulary + ids, mask=valid, other=0) != 0
    count = tl.load(counts + row)
    fewest, most = tl.load(min_tokens + row), tl.load(max_tokens + row)
    factor, heat = tl.load(penalty + row), tl.load(temperature + row)
    wanted = tl.minimum(tl.load(top_k + row), vocabulary).to(tl.int32)
    limit, most_repeats = tl.load(top_p + row), tl.load(repeat_limit + row)
    likeliest = tl.load(greedy + row) != 0
    is_active = tl.load(done + row) == 0
    ranks = tl.arange(0, BLOCK_WINDOW)
    inside = ranks < window
    looked = tl.load(in_window + row * window + ranks, mask=inside, other=0) != 0
    last = tl.load(recent + row * window + ranks, mask=inside, other=-1)
    newer = tl.load(recent + row * window + ranks + 1, mask=ranks < window - 1, other=0)
    step = tl.minimum(count, steps - 1)
    uniform = tl.load(uniforms + (row * steps + step) * 2)
    second_uniform = tl.load(uniforms + (row * steps + step) * 2 + 1)
    given = tl.load(forced + row * steps + step)
    if PDL:
        gdc_wait()
    raw = tl.load(logits + row * vocabulary + ids, mask=valid, other=0.0).to(tl.float32)
    finite = tl.max(tl.where(tl.abs(raw) < float("inf"), 0, 1), axis=0) == 0
    raw = tl.where(valid, tl.where(finite, raw, 0.0), float("-inf"))
    end = vocabulary - 1
    raw = tl.where((ids == end) & (count < fewest), float("-inf"), raw)
    less = tl.where(raw < 0, raw * factor, _divided(raw, factor, BLOCK))
    scaled = _divided(tl.where(was_seen, less, raw), heat, BLOCK)
    scaled = tl.where(valid, scaled, float("-inf"))

    best = tl.max(scaled, axis=0)
    lowest = tl.min(tl.where(scaled > float("-inf"), scaled, best), axis=0)
    bound, reached = _lower_bound(scaled, best, lowest, wanted, FEW)
    if (reached <= FEW) & (reached >= wanted):
        candidates += row * 2 * FEW
        own, share = _shares_of_few(scaled, ids, bound, best, wanted, limit, candidates, BLOCK, FEW)
        places = tl.arange(0, FEW)
        place = _pick(share, places, uniform, likeliest, FEW)
        second_place = _pick(share, places, second_uniform, likeliest, FEW)
        candidate = tl.max(tl.where(places == place, own, 0), axis=0)
        chosen = tl.max(tl.where(places == second_place, own, 0), axis=0)
    else:
        share_of_all = _shares_of_all(scaled, valid, best, wanted, limit, BLOCK)
        candidate = _pick(share_of_all, ids, uniform, likeliest, BLOCK)
        chosen = _pick(share_of_all, ids, second_uniform, likeliest, BLOCK)
    repeats = tl.sum((looked & (last == candidate)).to(tl.int32), axis=0)
    if repeats >= most_repeats:
        weight = tl.exp(raw - tl.max(raw, axis=0))
        raw_share = _divided(weight, tl.sum(weight, axis=0), BLOCK)
        chosen = _pick(raw_share, ids, second_uniform, likeliest, BLOCK)
    chosen = tl.where(given < 0, chosen.to(tl.int64), given)

    draws = is_active & finite
    ends = draws & (chosen == end)
    takes = draws & (chosen != end)
    if is_active & (finite == 0):
        tl.store(failed + row, 1)
    if ends:
        tl.store(ended + row, 1)
    tl.store(tokens + row * (steps + 1) + count, chosen)
    newer = tl.where(ranks == window - 1, chosen, newer)
    tl.debug_barrier()  # all is read that is written here
    if takes:
        tl.store(seen + row * vocabulary + chosen, 1)
        tl.store(recent + row * window + ranks, newer, mask=inside)
    count += takes.to(tl.int64)
    moves = takes & (count < most)
    tl.store(counts + row, count)
    tl.store(done + row, (moves == 0).to(tl.int8))
    tl.store(goes_on + row, moves.to(tl.int64))

    columns = tl.arange(0, BLOCK_HIDDEN)
    token = tl.load(legal + chosen)
    state = tl.load(embedding + token * HIDDEN + columns, mask=columns < HIDDEN, other=0.0)
    tl.store(x + row * HIDDEN + columns, state.to(tl.float32), mask=columns < HIDDEN)


def new_candidates(rows: int, device: torch.device, few: int = FEW) -> Tensor:
    """The memory of so many candidates of every row: int32 [R, 2, few]."""
    return torch.zeros(rows, 2, few, dtype=torch.int32, device=device)


def draw_and_embed(
    logits: Tensor,
    state: DecodeState,
    legal: Tensor,
    embedding: Tensor,
    x: Tensor,
    goes_on: Tensor,
    candidates: Tensor,
    *,
    overlap: bool = False,
    warps: int = 16,
) -> None:
    """Draw an id for every row whose turn is not done, note it, and embed it.

    logits:    [R, V], V up to `MOST_IDS`; the last id ends a turn.
    legal:     int64 [V], ids in the order of the logits. embedding: [vocabulary, H].
    x:         float32 [R, H], written. goes_on: int64 [R], written: 1 where the turn goes on.
    candidates: of `new_candidates`.
    overlap:   see `podtts.llm.kernels.projection.project`; the kernel before may not write state.
    """
    rows, vocabulary = logits.shape
    steps, window, hidden = state.forced.shape[1], state.recent.shape[1], x.shape[1]
    options = state.options
    draw_rows[(rows,)](
        logits, _bytes(state.done), state.counts, _bytes(state.ended), _bytes(state.failed),
        state.tokens, _bytes(state.seen), state.recent, _bytes(state.in_window), state.uniforms,
        state.forced, state.min_tokens, state.max_tokens, options.temperature, options.top_k,
        options.top_p, options.repetition_penalty, options.repeat_limit, _bytes(options.greedy),
        legal, embedding, x, goes_on, candidates, vocabulary, steps, window,
        HIDDEN=hidden, BLOCK=triton.next_power_of_2(vocabulary),
        BLOCK_WINDOW=triton.next_power_of_2(window), BLOCK_HIDDEN=triton.next_power_of_2(hidden),
        FEW=candidates.shape[2], PDL=overlap, launch_pdl=overlap, num_warps=warps,
    )  # fmt: skip


def _bytes(flags: Tensor) -> Tensor:
    return flags.view(torch.int8)
