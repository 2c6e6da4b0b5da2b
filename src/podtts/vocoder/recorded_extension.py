"""The vocoder for parts of a mel, as recordings of the device.

From the second part on, equal parts have equal shapes in every layer, whatever came before them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from podtts.device.recorded_function import Records
from podtts.device.recordings import Recordings
from podtts.nn.carried import States

Extend = Callable[[Tensor, Tensor, States | None], tuple[Tensor, States]]

KEPT = 12  # recordings


class RecordedExtension:
    """A function of mel, noise and states, recorded at the first use of their shapes.

    Any thread may call it.

    extend: returns samples and the states behind them.
    """

    def __init__(self, extend: Extend, device: torch.device, recorder: Records) -> None:
        self._extend = extend
        self.recordings = Recordings(device, recorder, "the vocoder's parts", KEPT)
        self._forms: dict[object, _Form] = {}  # of the states behind a part, by key

    def __call__(self, mel: Tensor, noise: Tensor, before: States | None) -> tuple[Tensor, States]:
        """Samples and states, which are the caller's; all arguments are on the device."""
        form, tensors = _take_apart(before or ())
        key = mel.shape, before is None, form.key, tuple((t.shape, t.dtype) for t in tensors)

        def extend(mel: Tensor, noise: Tensor, *tensors: Tensor) -> list[Tensor]:
            states = None if before is None else form.put_together(tensors)
            samples, after = self._extend(mel, noise, states)
            self._forms[key], kept = _take_apart(after)
            return [samples, *kept]

        samples, *kept = self.recordings.call(key, extend, (mel, noise, *tensors))
        return samples, self._forms[key].put_together(kept)


class _Form:
    """What states hold besides tensors with numbers, which take the places that are marked."""

    def __init__(self, states: States) -> None:
        self._states = tuple(
            tuple(_PLACE if _has_numbers(value) else value for value in state) for state in states
        )
        self.key = tuple(tuple(map(_constant, state)) for state in self._states)

    def put_together(self, tensors: Iterable[Tensor]) -> States:
        """States with these tensors in the places."""
        rest = iter(tensors)
        return tuple(
            tuple(next(rest) if value is _PLACE else value for value in state)
            for state in self._states
        )


_PLACE = object()


def _take_apart(states: States) -> tuple[_Form, list[Tensor]]:
    tensors = [value for state in states for value in state if _has_numbers(value)]
    return _Form(states), tensors


def _has_numbers(value: Any) -> bool:
    return isinstance(value, Tensor) and value.numel() > 0


def _constant(value: Any) -> object:
    """A value that can be compared: an empty tensor is its shape and dtype."""
    return (value.shape, value.dtype) if isinstance(value, Tensor) else value
