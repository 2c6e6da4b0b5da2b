"""A decode step as functions of tensors, without a question to the host.

No shape, address or call depends on a number, so a device can record `graph_decode_step`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from podtts.llm.decode_state import DecodeState
from podtts.llm.qwen3 import Qwen3
from podtts.llm.sampling import forbid_end, next_tokens


def draw_step(
    model: Qwen3, state: DecodeState, *, has_forced: bool = False
) -> tuple[Tensor, Tensor]:
    """Draw an id for every row whose turn is not done, and note it.

    has_forced: whether `state.forced` may hold ids that take the place of what is drawn.
    returns: the ids int64 [R] in the numbering of the logits, and bool [R]: whether the model has
             to read the row's id, because its turn goes on. Rows that are done draw, too, but
             nothing is noted.
    """
    logits = model.logits(state.hidden)
    finite = logits.isfinite().all(dim=1)
    # NaN would choose an id that does not exist.
    chosen = _draw(model, state, logits.masked_fill(~finite[:, None], 0.0))
    if has_forced:
        forced = state.forced.gather(1, _step(state))[:, 0]
        chosen = torch.where(forced < 0, chosen, forced)
    draws = ~state.done & finite
    ends = chosen == model.end_index
    takes = draws & ~ends
    state.failed.logical_or_(~state.done & ~finite)
    state.ended.logical_or_(draws & ends)

    state.tokens.scatter_(1, state.counts[:, None], chosen[:, None])
    seen = state.seen.gather(1, chosen[:, None]) | takes[:, None]
    state.seen.scatter_(1, chosen[:, None], seen)
    newer = torch.cat((state.recent[:, 1:], chosen[:, None]), dim=1)
    state.recent.copy_(torch.where(takes[:, None], newer, state.recent))
    state.counts.add_(takes)
    goes_on = takes & (state.counts < state.max_tokens)
    state.done.copy_(~goes_on)
    return chosen, goes_on


def graph_decode_step(
    model: Qwen3, legal: Tensor, state: DecodeState, keys: Tensor, values: Tensor
) -> None:
    """Draw an id for every row's turn, and let the model read it unless the turn is done.

    legal:        int64 [V], ids in the order of the logits, on the device.
    keys, values: [layers, R, kv heads, positions, head size]; a row that is done writes at its
                  next position, which no query attends to.
    """
    chosen, goes_on = draw_step(model, state, has_forced=True)
    hidden = model.graph_step(legal[chosen], state.positions, keys, values)
    state.hidden.copy_(torch.where(goes_on[:, None], hidden, state.hidden))
    state.positions.add_(goes_on)


def _draw(model: Qwen3, state: DecodeState, logits: Tensor) -> Tensor:
    """The next id of every row, int64 [R], in the numbering of the logits."""
    step = _step(state)
    return next_tokens(
        forbid_end(logits, model.end_index, state.counts < state.min_tokens),
        state.seen,
        state.recent.masked_fill(~state.in_window, -1),
        state.uniforms.gather(1, step[..., None].expand(-1, 1, 2))[:, 0],
        state.options,
    )


def _step(state: DecodeState) -> Tensor:
    """Which step of its turn every row is in, int64 [R, 1].

    A turn that is done may have used up its uniforms: it draws with the last ones, unnoted.
    """
    return state.counts.clamp(max=state.forced.shape[1] - 1)[:, None]
