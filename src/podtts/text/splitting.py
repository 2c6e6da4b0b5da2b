"""Splits a text that is too long for one turn, and groups the pieces evenly.

Texts are split after sentences, else after commas and similar marks, else at spaces, else between
Chinese characters: at the coarsest level that makes the pieces short enough. A text is never split
inside a word, a number or a tag.
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


def candidate_splits(text: str) -> Iterator[list[str]]:
    """Yield the possible splits of a text into two or more pieces, coarsest first.

    The joined pieces are the text.
    """
    splits = (
        split_sentences(text) if boundary is None else _split(text, boundary)
        for boundary in (None, _CLAUSE, _SPACE, _BETWEEN_HAN)
    )
    yield from (pieces for pieces in splits if len(pieces) > 1)


def _split(text: str, boundary: re.Pattern[str]) -> list[str]:
    ends = [match.end() for match in boundary.finditer(text) if 0 < match.end() < len(text)]
    bounds = [0, *ends, len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


def group_evenly(parts: Sequence[T], size: Callable[[T], float], longest: float) -> list[list[T]]:
    """Group neighbours into as few groups of at most `longest` as possible, evenly sized.

    A part that is longer than `longest` becomes a group of its own.
    """
    sizes = [size(part) for part in parts]
    fewest = len(_fill(sizes, longest))
    low, high = max(sizes, default=0.0), longest
    if low < high:
        for _ in range(20):  # bisect to a millionth: the smallest bound without more groups
            middle = (low + high) / 2
            low, high = (low, middle) if len(_fill(sizes, middle)) <= fewest else (middle, high)
    groups, start = [], 0
    for count in _fill(sizes, high):
        groups.append(list(parts[start : start + count]))
        start += count
    return groups


def _fill(sizes: Sequence[float], longest: float) -> list[int]:
    """Fill groups greedily; return the number of parts in each group."""
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
