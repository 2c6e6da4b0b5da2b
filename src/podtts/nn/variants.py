"""Variants of a module's weights, such as other precisions or layouts."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class WeightVariants(dict[K, V]):
    """Variants by name. They are not part of the module's state.

    A deep copy of the module starts without variants, because its weights may change.
    """

    def __deepcopy__(self, memo: object) -> WeightVariants[K, V]:
        return WeightVariants()
