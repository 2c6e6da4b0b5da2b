"""Turns being written, as tensors that stay where they are: what a step needs and changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from podtts.llm.sampling import RowOptions
from podtts.options import SamplingOptions

_ROOM = SamplingOptions()  # the usual turn fits


@dataclass(frozen=True, eq=False)
class DecodeState:
    """A turn in every row, or none: `done`. N: most tokens of a turn, W: ids looked back on."""

    hidden: Tensor  # [R, H] of the last id that was read
    places: Tensor  # int64 [R]: where the next id stands
    counts: Tensor  # int64 [R]: tokens of the turn
    done: Tensor  # bool [R]
    ended: Tensor  # bool [R]: the end token came
    failed: Tensor  # bool [R]: logits were not finite
    tokens: Tensor  # int64 [R, N + 1]; what stands behind `counts` was never said
    seen: Tensor  # bool [R, V]: ids that the turn holds
    recent: Tensor  # int64 [R, W]: the last ids of the context; -1: none
    young: Tensor  # bool [R, W]: which of them the row's options look at
    uniforms: Tensor  # float32 [R, N, 2]
    given: Tensor  # int64 [R, N]: ids to be taken whatever is drawn; -1: none
    fewest: Tensor  # int64 [R]: tokens before the end token may come
    most: Tensor  # int64 [R]
    options: RowOptions

    @classmethod
    def empty(
        cls,
        rows: int,
        like: Tensor,
        legal: int,
        most_tokens: int = _ROOM.max_tokens,
        window: int = _ROOM.repeat_window,
    ) -> DecodeState:
        """Rows without turns. like: a tensor [..., H] of the dtype and device of hidden states."""
        device = like.device

        def whole(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.int64, device=device)

        def flags(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.bool, device=device)

        return cls(
            hidden=like.new_zeros(rows, like.shape[-1]),
            places=whole(rows),
            counts=whole(rows),
            done=~flags(rows),
            ended=flags(rows),
            failed=flags(rows),
            tokens=whole(rows, most_tokens + 1),
            seen=flags(rows, legal),
            recent=whole(rows, window) - 1,
            young=flags(rows, window),
            uniforms=torch.zeros(rows, most_tokens, 2, device=device),
            given=whole(rows, most_tokens) - 1,
            fewest=whole(rows),
            most=whole(rows) + most_tokens,
            options=RowOptions.of([SamplingOptions()] * rows, device),
        )

    def tensors(self) -> list[Tensor]:
        """All of them, the options' last."""
        return [*self._own().values(), *_columns(self.options).values()]

    def _own(self) -> dict[str, Tensor]:
        names = [field.name for field in fields(self) if field.name != "options"]
        return {name: getattr(self, name) for name in names}

    def first(self, rows: int) -> DecodeState:
        """The first rows, in the same memory."""
        options = {name: one[:rows] for name, one in _columns(self.options).items()}
        own = {name: tensor[:rows] for name, tensor in self._own().items()}
        return DecodeState(**own, options=RowOptions(**options))

    def with_room(self, options: SamplingOptions) -> DecodeState:
        """These, or roomier ones with the same turns, so that a turn with these options fits."""
        most, window = self.given.shape[1], self.recent.shape[1]
        if options.max_tokens <= most and options.repeat_window <= window:
            return self
        wider = max(window, options.repeat_window)
        roomier = DecodeState.empty(
            len(self.done), self.hidden, self.seen.shape[1], max(most, options.max_tokens), wider
        )
        for old, new in zip(self.tensors(), roomier.tensors(), strict=True):
            if old is self.recent or old is self.young:
                new[:, wider - window :] = old
            elif old.ndim > 1:
                new[:, : old.shape[1]] = old
            else:
                new.copy_(old)
        return roomier

    def arrange(self, order: Sequence[int]) -> None:
        """Let row i hold what row order[i] holds."""
        moved = torch.tensor(order, device=self.done.device)
        for tensor in self.tensors():
            tensor.copy_(tensor[moved])

    def open(
        self,
        row: int,
        hidden: Tensor,
        options: SamplingOptions,
        uniforms: Tensor,
        recent: Tensor,
        given: Sequence[int] = (),
    ) -> None:
        """Begin a turn: hidden [H] of its context, uniforms [max_tokens, 2], recent [window]."""
        window, most = self.recent.shape[1], options.max_tokens
        self.hidden[row] = hidden
        for tensor in (self.counts, self.ended, self.failed, self.seen, self.tokens):
            tensor[row] = 0
        self.recent[row] = -1
        self.recent[row, window - len(recent) :] = recent.to(self.recent.device)
        self.young[row] = torch.arange(window, device=self.young.device) >= window - len(recent)
        self.uniforms[row, :most] = uniforms.to(self.uniforms.device)
        self.given[row] = -1
        self.given[row, : len(given)] = torch.tensor(given, dtype=torch.int64).to(self.given.device)
        self.fewest[row], self.most[row] = options.min_tokens, most
        theirs = _columns(RowOptions.of([options]))
        for name, column in _columns(self.options).items():
            column[row] = theirs[name][0].to(column.device)
        self.done[row] = False


def _columns(options: RowOptions) -> dict[str, Tensor]:
    return {field.name: getattr(options, field.name) for field in fields(options)}
