"""Ducking: music stays low under the speech, and comes up in long pauses.

It follows the timeline, which knows every pause to the sample; nothing is guessed from the sound.
"""

from __future__ import annotations

from podtts.audio.soundtrack import Envelope
from podtts.publish.timeline import Timeline
from podtts.rates import OUTPUT_HZ

RISE_LU = 8.0  # in pauses
_SHORTEST_PAUSE = 2 * OUTPUT_HZ  # shorter ones would make the music pump
_UP = round(0.75 * OUTPUT_HZ)  # how long it takes to come up, and to go down again
_DOWN = round(0.75 * OUTPUT_HZ)


def ducking(timeline: Timeline, rise_lu: float) -> Envelope:
    """Return the factor on music under the speech of a timeline: 1 wherever somebody speaks.

    rise_lu: how much louder the music is in pauses of two seconds and more.
    """
    raised = 10 ** (rise_lu / 20)
    points = [(0, 1.0)]
    for turn, following in zip(timeline.turns, timeline.turns[1:], strict=False):
        if following.start - turn.stop >= _SHORTEST_PAUSE:
            points += [
                (turn.stop, 1.0),
                (turn.stop + _UP, raised),
                (following.start - _DOWN, raised),
                (following.start, 1.0),
            ]
    samples, factors = zip(*points, strict=True)
    return Envelope(samples, factors)
