"""Variants of a module's weights, such as other precisions or layouts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from torch import nn

WeightsState = tuple[tuple[int, int], ...]
K = TypeVar("K")
V = TypeVar("V")


class WeightVariants(dict[K, V]):
    """Variants by name. They are not part of the module's state.

    A deep copy of the module starts without variants, because its weights may change.
    """

    def __deepcopy__(self, memo: object) -> WeightVariants[K, V]:
        return WeightVariants()


def weights_state(modules: Iterable[nn.Module]) -> WeightsState:
    """What differs after every change of the modules' weights: copies of them may be outdated."""
    return tuple(
        (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
        for module in modules
        for weight in module.parameters()
    )
