"""How long a run will still take: pure arithmetic on what its turns took so far."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

# A turn costs something of its own, whatever is said in it: its voice's prompt runs through the
# flow with it. That is about what so many seconds of speech cost; tests/cli/recorded_runs.json.
_OWN_SECONDS = 4.0
# A machine becomes busy and free again: older turns say little about the ones to come.
_LATEST = 50


@dataclass(frozen=True)
class Taken:
    """A turn that was spoken: seconds of speech its text asks for, seconds it took to make."""

    length: float
    seconds: float


def seconds_left(taken: Sequence[Taken], lengths: Collection[float]) -> float | None:
    """Seconds that turns of these lengths will take; None while nothing is known.

    taken: in the order they were spoken; the latest count.
    """
    if not taken:
        return None
    latest = taken[-_LATEST:]
    rate = sum(turn.seconds for turn in latest) / sum(_cost(turn.length) for turn in latest)
    return rate * sum(map(_cost, lengths))


def _cost(length: float) -> float:
    return length + _OWN_SECONDS
