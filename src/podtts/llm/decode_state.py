"""The turns that are being decoded, as tensors that stay in place: what a step needs and changes.

Every tensor has a row for each row of the KV caches. A row without a turn is `done`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from podtts.llm.sampling import RowOptions
from podtts.options import SamplingOptions


@dataclass(frozen=True, eq=False)
class DecodeState:
    """R rows; N: most tokens of a turn, W: ids that the repetition-aware step looks back on.

    V counts the legal ids. Drawn ids are in the numbering of the logits.
    """

    hidden: Tensor  # [R, H] of the last id that was prefilled or decoded
    positions: Tensor  # int64 [R]: position of the next id in the KV cache
    counts: Tensor  # int64 [R]: tokens of the turn
    done: Tensor  # bool [R]: no turn, or a turn that has ended
    ended: Tensor  # bool [R]: the end token was drawn
    failed: Tensor  # bool [R]: logits were not finite
    tokens: Tensor  # int64 [R, N + 1]; only the first `counts` belong to the turn
    seen: Tensor  # bool [R, V]: ids that the turn holds
    recent: Tensor  # int64 [R, W]: the last ids of the context; -1: none
    in_window: Tensor  # bool [R, W]: which of them the row's options look back on
    uniforms: Tensor  # float32 [R, N, 2]
    forced: Tensor  # int64 [R, N]: ids taken in place of what is drawn; -1: none
    min_tokens: Tensor  # int64 [R]: tokens before the end token is legal
    max_tokens: Tensor  # int64 [R]
    options: RowOptions

    @classmethod
    def empty(
        cls, rows: int, like: Tensor, legal: int, max_tokens: int = 1, window: int = 1
    ) -> DecodeState:
        """Rows without turns.

        like:  a tensor [..., H] of the dtype and device of hidden states.
        legal: how many ids are legal, V.
        max_tokens, window: room for turns, N and W; `with_room` makes more.
        """
        device = like.device

        def integers(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.int64, device=device)

        def flags(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.bool, device=device)

        return cls(
            hidden=like.new_zeros(rows, like.shape[-1]),
            positions=integers(rows),
            counts=integers(rows),
            done=~flags(rows),
            ended=flags(rows),
            failed=flags(rows),
            tokens=integers(rows, max_tokens + 1),
            seen=flags(rows, legal),
            recent=integers(rows, window) - 1,
            in_window=flags(rows, window),
            uniforms=torch.zeros(rows, max_tokens, 2, device=device),
            forced=integers(rows, max_tokens) - 1,
            min_tokens=integers(rows),
            max_tokens=integers(rows) + max_tokens,
            options=RowOptions.of([SamplingOptions()] * rows, device),
        )

    def tensors(self) -> list[Tensor]:
        """All tensors, the options' last."""
        return [*self._own().values(), *_columns(self.options).values()]

    def first(self, rows: int) -> DecodeState:
        """The first rows, in the same memory."""
        options = {name: column[:rows] for name, column in _columns(self.options).items()}
        own = {name: tensor[:rows] for name, tensor in self._own().items()}
        return DecodeState(**own, options=RowOptions(**options))

    def with_room(self, options: SamplingOptions) -> DecodeState:
        """Return this state, or a larger one with the same turns in which such a turn fits."""
        tokens, window = self.forced.shape[1], self.recent.shape[1]
        if options.max_tokens <= tokens and options.repeat_window <= window:
            return self
        wider = max(window, options.repeat_window)
        larger = DecodeState.empty(
            len(self.done), self.hidden, self.seen.shape[1], max(tokens, options.max_tokens), wider
        )
        for old, new in zip(self.tensors(), larger.tensors(), strict=True):
            if old is self.recent or old is self.in_window:
                new[:, wider - window :] = old
            elif old.ndim > 1:
                new[:, : old.shape[1]] = old
            else:
                new.copy_(old)
        return larger

    def arrange(self, order: Sequence[int]) -> None:
        """Let row i hold what row order[i] holds."""
        source = torch.tensor(order, device=self.done.device)
        for tensor in self.tensors():
            tensor.copy_(tensor[source])

    def start(
        self,
        row: int,
        hidden: Tensor,
        options: SamplingOptions,
        uniforms: Tensor,
        recent: Tensor,
        forced: Sequence[int] = (),
    ) -> None:
        """Start a turn.

        hidden: [H] of its context. uniforms: float32 [max_tokens, 2]. recent: int64 [window].
        forced: ids to take in place of what is drawn.
        """
        window, tokens = self.recent.shape[1], options.max_tokens
        self.hidden[row] = hidden
        for tensor in (self.counts, self.ended, self.failed, self.seen, self.tokens):
            tensor[row] = 0
        self.recent[row] = -1
        self.recent[row, window - len(recent) :] = recent.to(self.recent.device)
        ranks = torch.arange(window, device=self.in_window.device)
        self.in_window[row] = ranks >= window - len(recent)
        self.uniforms[row, :tokens] = uniforms.to(self.uniforms.device)
        self.forced[row] = -1
        ids = torch.tensor(forced, dtype=torch.int64)
        self.forced[row, : len(forced)] = ids.to(self.forced.device)
        self.min_tokens[row], self.max_tokens[row] = options.min_tokens, tokens
        row_options = _columns(RowOptions.of([options]))
        for name, column in _columns(self.options).items():
            column[row] = row_options[name][0].to(column.device)
        self.done[row] = False

    def _own(self) -> dict[str, Tensor]:
        names = [field.name for field in fields(self) if field.name != "options"]
        return {name: getattr(self, name) for name in names}


def _columns(options: RowOptions) -> dict[str, Tensor]:
    return {field.name: getattr(options, field.name) for field in fields(options)}
