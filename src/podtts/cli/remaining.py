"""How long a run will still take: pure arithmetic on what its turns took so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podtts.text.length import expected_seconds

_SHORTEST_SECONDS = 0.5  # of a text without letters: a tag is heard, too


@dataclass(frozen=True)
class Taken:
    """A turn that was spoken: the length its text asks for, and the seconds it took to make."""

    length: float
    seconds: float


def text_length(text: str) -> float:
    """What a turn's text asks for, in seconds of speech."""
    return max(expected_seconds(text), _SHORTEST_SECONDS)


def seconds_left(taken: Sequence[Taken], lengths: Sequence[float]) -> float | None:
    """Seconds that turns of these lengths will take; None while nothing is known.

    A turn costs something of its own (its voice's prompt runs through the flow with it) and
    something for every second: both are fitted to the turns so far. The first also reads all
    prompts, so it counts only while there is no other.
    """
    if not taken:
        return None
    known = taken[1:] or taken
    mean_length = sum(turn.length for turn in known) / len(known)
    mean_seconds = sum(turn.seconds for turn in known) / len(known)
    spread = sum((turn.length - mean_length) ** 2 for turn in known)
    common = sum((turn.length - mean_length) * (turn.seconds - mean_seconds) for turn in known)
    rate = mean_seconds / mean_length  # all of the cost is the text's
    if spread > 0:
        rate = min(max(common / spread, 0.0), rate)  # none of it is, up to all of it
    own = mean_seconds - rate * mean_length
    return sum(own + rate * length for length in lengths)
