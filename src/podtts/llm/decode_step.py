"""A decode step as an ordinary function of tensors: drawn, noted and read without the host.

It draws what `Decoder.step` draws; the tests hold it to that. As no shape, no address and no call
depends on a number, a device can record it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from podtts.llm.decode_state import DecodeState
from podtts.llm.qwen3 import Qwen3
from podtts.llm.sampling import forbid_end, next_tokens


def decode_step(
    model: Qwen3, legal: Tensor, slots: DecodeState, keys: Tensor, values: Tensor
) -> None:
    """Draw an id for every row's turn, and read it unless the turn is done with it.

    legal:        int64 [V], ids in the order of the logits, on the device.
    keys, values: [layers, R, kv heads, places, head size]; a row that is done writes at its place,
                  where nobody looks.
    """
    logits = model.logits(slots.hidden)
    finite = logits.isfinite().all(dim=1)
    # Numbers that are none would choose an id that does not exist.
    chosen = _chosen(model, slots, logits.masked_fill(~finite[:, None], 0.0))
    writes = ~slots.done & finite
    ends = chosen == model.end_index
    takes = writes & ~ends
    slots.failed.logical_or_(~slots.done & ~finite)
    slots.ended.logical_or_(writes & ends)

    slots.tokens.scatter_(1, slots.counts[:, None], chosen[:, None])
    noted = slots.seen.gather(1, chosen[:, None]) | takes[:, None]
    slots.seen.scatter_(1, chosen[:, None], noted)
    newer = torch.cat((slots.recent[:, 1:], chosen[:, None]), dim=1)
    slots.recent.copy_(torch.where(takes[:, None], newer, slots.recent))
    slots.counts.add_(takes)
    reads = takes & (slots.counts < slots.most)
    slots.done.copy_(~reads)

    hidden = model.graph_step(legal[chosen], slots.places, keys, values)
    slots.hidden.copy_(torch.where(reads[:, None], hidden, slots.hidden))
    slots.places.add_(reads)


def _chosen(model: Qwen3, slots: DecodeState, logits: Tensor) -> Tensor:
    """The next id of every row, int64 [R], in the numbering of the logits."""
    # A turn that is done may have used up its numbers; it draws with the last ones, for nobody.
    now = slots.counts.clamp(max=slots.given.shape[1] - 1)[:, None]
    drawn = next_tokens(
        forbid_end(logits, model.end_index, slots.counts < slots.fewest),
        slots.seen,
        slots.recent.masked_fill(~slots.young, -1),
        slots.uniforms.gather(1, now[..., None].expand(-1, 1, 2))[:, 0],
        slots.options,
    )
    given = slots.given.gather(1, now)[:, 0]
    return torch.where(given < 0, drawn, given)
