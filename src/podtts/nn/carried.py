"""What the layers of a network keep from call to call, where a sequence comes in parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

States = tuple[tuple[Any, ...], ...]  # what each layer keeps, in the order in which they run


class Carried:
    """One call of a network: each of its layers takes what it kept, and keeps it for the next.

    Layers run in the same order in every call, so their order alone says which state is whose.
    What a layer kept is never changed: a call can be repeated, and several sequences can go on
    from the same states.

    before: the states after the call before; None: the sequence begins.
    """

    def __init__(self, before: States | None = None) -> None:
        self._before: Iterator[tuple[Any, ...]] | None = None if before is None else iter(before)
        self._after: list[tuple[Any, ...]] = []

    @property
    def after(self) -> States:
        """The states after this call."""
        return tuple(self._after)

    def take(self, *initial: Any) -> tuple[Any, ...]:
        """What this layer kept, or `initial` where the sequence begins."""
        return initial if self._before is None else next(self._before)

    def keep(self, *values: Any) -> None:
        """Keep values for the next call of this layer. Parts of larger tensors are copied."""
        self._after.append(tuple(map(_compact, values)))

    def with_context(self, x: Tensor, size: int) -> Tensor:
        """x [B, positions, channels] behind the last `size` positions, zeros at the beginning."""
        (before,) = self.take(x.new_zeros(len(x), size, x.shape[2]))
        whole = torch.cat((before.to(x.dtype), x), dim=1)
        self.keep(whole[:, whole.shape[1] - size :])
        return whole

    def with_earlier_keys(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values [B, heads, positions, head size] behind all earlier ones.

        The parts stay apart: sequences that go on from the same states share the memory of them.
        """
        earlier = self.take()
        self.keep(*earlier, keys, values)
        return torch.cat((*earlier[::2], keys), dim=2), torch.cat((*earlier[1::2], values), dim=2)

    def in_step(self, *streams: Tensor) -> list[Tensor]:
        """Of streams [B, positions, channels], the positions that all of them have reached.

        The others wait for the next call.
        """
        waiting = self.take(*(stream[:, :0] for stream in streams))
        together = [torch.cat(pair, dim=1) for pair in zip(waiting, streams, strict=True)]
        count = min(stream.shape[1] for stream in together)
        self.keep(*(stream[:, count:] for stream in together))
        return [stream[:, :count] for stream in together]


def state_bytes(states: States) -> int:
    """The memory of all tensors in states."""
    return sum(value.nbytes for state in states for value in state if isinstance(value, Tensor))


def _compact(value: Any) -> Any:
    """A tensor in memory of its own size: a view would keep all of its base alive."""
    if not isinstance(value, Tensor) or value.untyped_storage().nbytes() == value.nbytes:
        return value
    return value.clone()
