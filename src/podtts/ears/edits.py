"""Edit distance of what was heard from the text that was to be spoken."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Edits:
    """The edits that turn a reference into a hypothesis."""

    substituted: int
    inserted: int
    deleted: int
    reference: int  # length

    @property
    def rate(self) -> float:
        return (self.substituted + self.inserted + self.deleted) / max(1, self.reference)


def edits(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> Edits:
    """Return the fewest edits that turn a reference into a hypothesis (Levenshtein)."""
    # Of every beginning of the hypothesis: total, substituted, inserted, deleted.
    row = [(length, 0, length, 0) for length in range(len(hypothesis) + 1)]
    for reference_length, expected in enumerate(reference, 1):
        above, row = row, [(reference_length, 0, 0, reference_length)]
        for column, actual in enumerate(hypothesis, 1):
            total, substituted, inserted, deleted = above[column - 1]
            differs = int(expected != actual)
            match = (total + differs, substituted + differs, inserted, deleted)
            total, substituted, inserted, deleted = row[-1]
            insertion = (total + 1, substituted, inserted + 1, deleted)
            total, substituted, inserted, deleted = above[column]
            deletion = (total + 1, substituted, inserted, deleted + 1)
            row.append(min(match, insertion, deletion))
    _, substituted, inserted, deleted = row[-1]
    return Edits(substituted, inserted, deleted, len(reference))


def total_rate(all_edits: Iterable[Edits]) -> float:
    """Return the error rate over all references together."""
    all_edits = list(all_edits)
    errors = sum(pair.substituted + pair.inserted + pair.deleted for pair in all_edits)
    return errors / max(1, sum(pair.reference for pair in all_edits))
