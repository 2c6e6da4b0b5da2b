"""Brings all speakers of an episode to the same loudness, with one gain for each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from podtts.audio.loudness import CEILING_DBTP, Gain, Loudness, measure
from podtts.audio.mix_parts import MixParts
from podtts.audio.mix_reader import Level, MixReader
from podtts.publish.timeline import Timeline


@dataclass(frozen=True)
class Balance:
    """The gain of every speaker, and what was measured.

    measured: by the number of the speaker; those without a loudness are not in it: they are silent,
              or speak for less than 0.4 s.
    """

    measured: dict[int, Loudness]
    target_lufs: float  # -inf if nobody has a loudness

    @property
    def gains(self) -> dict[int, Gain]:
        """The gain by the number of the speaker."""
        return {
            speaker: Gain(self.target_lufs - loudness.lufs)
            for speaker, loudness in self.measured.items()
        }

    def levels(self, timeline: Timeline) -> list[Level]:
        """The factor of every turn."""
        gains = self.gains
        return [
            Level(turn.start, turn.stop, gains[turn.turn.speaker].factor)
            for turn in timeline.turns
            if turn.turn.speaker in gains
        ]

    def report(self, timeline: Timeline) -> str:
        """Say how far apart the speakers were, and where they are now."""
        if len(self.measured) < 2:
            return "balance: not changed, because fewer than two speakers have a loudness"
        values = [loudness.lufs for loudness in self.measured.values()]
        speakers = ", ".join(
            f"{timeline.speakers[speaker]} {loudness.lufs:.1f}"
            for speaker, loudness in self.measured.items()
        )
        return (
            f"balance: {speakers} LUFS, {max(values) - min(values):.1f} LU apart; "
            f"all are at {self.target_lufs:.1f} LUFS now"
        )


def balance(mix: MixReader, timeline: Timeline) -> Balance:
    """Measure every speaker over the whole episode, and choose the loudness of all.

    It is the mean of the speakers, by their time, or as much less as keeps every true peak at
    -1 dBTP.
    """
    measured, times = {}, {}
    for speaker, spans in sorted(_spans(timeline).items()):
        loudness = measure(MixParts(mix, spans))
        if math.isfinite(loudness.lufs):
            measured[speaker] = loudness
            times[speaker] = sum(stop - start for start, stop in spans)
    if len(measured) < 2:
        return Balance({}, -math.inf)
    power = sum(times[each] * 10 ** (measured[each].lufs / 10) for each in measured)
    mean = 10 * math.log10(power / sum(times.values()))
    highest = min(
        loudness.lufs + CEILING_DBTP - loudness.true_peak_dbtp for loudness in measured.values()
    )
    return Balance(measured, min(mean, highest))


def _spans(timeline: Timeline) -> dict[int, list[tuple[int, int]]]:
    """The samples of every speaker's turns."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for turn in timeline.turns:
        spans.setdefault(turn.turn.speaker, []).append((turn.start, turn.stop))
    return spans
