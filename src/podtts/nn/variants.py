"""What is made of a module's weights and kept beside them: other precisions, other layouts."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class WeightVariants(dict[K, V]):
    """By name; no part of the module's state, nor of a deep copy, whose weights may change."""

    def __deepcopy__(self, memo: object) -> WeightVariants[K, V]:
        return WeightVariants()
