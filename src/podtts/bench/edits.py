"""Errors of what was heard against what was meant."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Edits:
    """What turns a reference into a hypothesis."""

    substituted: int
    inserted: int
    deleted: int
    reference: int  # length

    @property
    def rate(self) -> float:
        return (self.substituted + self.inserted + self.deleted) / max(1, self.reference)


def edits(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> Edits:
    """Fewest edits (Levenshtein)."""
    row = [
        (n, 0, n, 0) for n in range(len(hypothesis) + 1)
    ]  # total, substituted, inserted, deleted
    for place, wanted in enumerate(reference, 1):
        above, row = row, [(place, 0, 0, place)]
        for column, got in enumerate(hypothesis, 1):
            total, substituted, inserted, deleted = above[column - 1]
            wrong = int(wanted != got)
            same = (total + wrong, substituted + wrong, inserted, deleted)
            total, substituted, inserted, deleted = row[-1]
            more = (total + 1, substituted, inserted + 1, deleted)
            total, substituted, inserted, deleted = above[column]
            less = (total + 1, substituted, inserted, deleted + 1)
            row.append(min(same, more, less))
    _, substituted, inserted, deleted = row[-1]
    return Edits(substituted, inserted, deleted, len(reference))


def total_rate(all_edits: Iterable[Edits]) -> float:
    """Error rate over all references together."""
    all_edits = list(all_edits)
    wrong = sum(one.substituted + one.inserted + one.deleted for one in all_edits)
    return wrong / max(1, sum(one.reference for one in all_edits))


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"[a-z']*[a-z][a-z']*", text.lower().replace("-", " "))
