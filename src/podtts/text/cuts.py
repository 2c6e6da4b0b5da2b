"""Where a text that is too long for one turn can be cut, and into which pieces it is put together.

Cuts are looked for at the ends of sentences, then behind commas and the like, then at spaces, then
between Chinese characters: the coarsest kind that makes the pieces short enough. None lies inside a
word, a number or a tag.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from podtts.text.languages import HAN, split_sentences

T = TypeVar("T")

_CLAUSE = re.compile(r"[，；：、]+(?![0-9])|(?:—+|…+)\s*|[,;:–]\s+(?![0-9])")
_SPACE = re.compile(r"(?<![0-9])\s+(?![0-9])")
_BETWEEN_HAN = re.compile(rf"(?<=[{HAN}])(?=[{HAN}])")


def finer_pieces(text: str) -> Iterator[list[str]]:
    """Yield the ways to cut a text in at least two pieces, coarsest first; joined they are it."""
    for pieces in (split_sentences(text), *(_cut(text, at) for at in (_CLAUSE, _SPACE))):
        if len(pieces) > 1:
            yield pieces
    pieces = _cut(text, _BETWEEN_HAN)
    if len(pieces) > 1:
        yield pieces


def _cut(text: str, at: re.Pattern[str]) -> list[str]:
    ends = [found.end() for found in at.finditer(text) if 0 < found.end() < len(text)]
    bounds = [0, *ends, len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


def in_groups(parts: Sequence[T], size: Callable[[T], float], longest: float) -> list[list[T]]:
    """Put neighbours together into as few groups as fit `longest`, of sizes as even as can be.

    A part that is longer than that alone is a group of its own.
    """
    sizes = [size(part) for part in parts]
    fewest = len(_fill(sizes, longest))
    low, high = max(sizes, default=0.0), longest
    if low < high:
        for _ in range(20):  # to a millionth: the smallest bound that needs no more groups
            middle = (low + high) / 2
            low, high = (low, middle) if len(_fill(sizes, middle)) <= fewest else (middle, high)
    groups, start = [], 0
    for count in _fill(sizes, high):
        groups.append(list(parts[start : start + count]))
        start += count
    return groups


def _fill(sizes: Sequence[float], longest: float) -> list[int]:
    """How many parts each group holds when every group takes what still fits."""
    counts: list[int] = []
    filled = 0.0
    for size in sizes:
        if counts and filled + size <= longest:
            counts[-1] += 1
            filled += size
        else:
            counts.append(1)
            filled = size
    return counts
