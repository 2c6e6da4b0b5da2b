"""What an episode looks like: its peaks, drawn in the colours of who speaks."""

from __future__ import annotations

from collections.abc import Sequence

from podtts.audio.mix_reader import MixReader
from podtts.publish.timeline import Timeline

_HEIGHT = 100  # of the drawing, in its own units; its width is the number of bars


def peaks(master: MixReader, bars: int) -> list[float]:
    """Largest magnitude in each of so many equal parts of an episode, 0 to 1.

    Reads block by block: an hour takes no more memory than a minute.
    """
    found = [0.0] * bars
    at = 0
    for block in master.blocks():
        first, last = at * bars // master.samples, (at + len(block) - 1) * bars // master.samples
        for bar in range(first, last + 1):
            start, stop = (-(-number * master.samples // bars) for number in (bar, bar + 1))
            part = block[max(start - at, 0) : stop - at]
            if len(part):
                found[bar] = max(found[bar], float(part.abs().max()))
        at += len(block)
    return found


def waveform(heights: Sequence[float], timeline: Timeline) -> str:
    """An SVG of peaks, as tall as the loudest; every bar is of the class of who speaks in it."""
    loudest = max(heights, default=0.0) or 1.0
    drawn: dict[int, list[str]] = {}
    for bar, (speaker, height) in enumerate(
        zip(_speakers(timeline, len(heights)), heights, strict=True)
    ):
        tall = max(1, round(_HEIGHT * height / loudest))
        drawn.setdefault(speaker, []).append(f"M{bar} {(_HEIGHT - tall) / 2:g}h1v{tall}h-1z")
    paths = [
        f'<path class="speaker-{speaker + 1}" d="{"".join(parts)}"/>'
        for speaker, parts in sorted(drawn.items())
    ]
    starts = [len(heights) * one.start / timeline.samples for one in timeline.chapters if one.start]
    paths += [f'<path class="mark" d="M{start:.1f} 0v{_HEIGHT}"/>' for start in starts]
    return (
        f'<svg viewBox="0 0 {len(heights)} {_HEIGHT}" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(paths)}</svg>'
    )


def _speakers(timeline: Timeline, bars: int) -> list[int]:
    """Who has begun to speak last in the middle of each bar."""
    turns = iter(timeline.turns)
    turn, following = next(turns), next(turns, None)
    speakers = []
    for bar in range(bars):
        middle = (2 * bar + 1) * timeline.samples // (2 * bars)
        while following is not None and following.start <= middle:
            turn, following = following, next(turns, None)
        speakers.append(turn.turn.speaker)
    return speakers
