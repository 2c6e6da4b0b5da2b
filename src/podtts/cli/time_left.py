"""Estimates how long a run will still take from the turns it has synthesized so far."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

# A turn has a cost that does not depend on its text: the flow computes the voice's prompt with
# every turn. It is about the cost of so many seconds of speech; see tests/cli/recorded_runs.json.
_FIXED_COST_SECONDS = 4.0
# Only the latest turns count: other programs may have started or ended since the older ones.
_LATEST_TURNS = 50


@dataclass(frozen=True)
class TurnTime:
    """Times of a synthesized turn. speech_seconds: expected from its text; work_seconds: needed."""

    speech_seconds: float
    work_seconds: float


def seconds_left(
    finished: Sequence[TurnTime], remaining_speech_seconds: Collection[float]
) -> float | None:
    """Return the expected seconds of work for the remaining turns; None if no turn is finished.

    finished: in the order of their synthesis.
    remaining_speech_seconds: expected seconds of speech of each remaining turn.
    """
    if not finished:
        return None
    latest = finished[-_LATEST_TURNS:]
    work = sum(turn.work_seconds for turn in latest)
    rate = work / sum(_cost(turn.speech_seconds) for turn in latest)
    return rate * sum(map(_cost, remaining_speech_seconds))


def _cost(speech_seconds: float) -> float:
    return speech_seconds + _FIXED_COST_SECONDS
