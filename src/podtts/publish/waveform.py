"""Draws the waveform of an episode, in the colours of its speakers."""

from __future__ import annotations

from collections.abc import Sequence

from podtts.audio.mix_reader import MixReader
from podtts.publish.timeline import Timeline

_HEIGHT = 100  # of the drawing, in its own units; its width is the number of bars


def peaks(mix: MixReader, bars: int) -> list[float]:
    """Return the largest magnitude, 0 to 1, in each of this many equal parts of an episode.

    Reads block by block, so memory does not grow with the length of the episode.
    """
    largest = [0.0] * bars
    at = 0
    for block in mix.blocks():
        first, last = at * bars // mix.samples, (at + len(block) - 1) * bars // mix.samples
        for bar in range(first, last + 1):
            start, stop = (-(-number * mix.samples // bars) for number in (bar, bar + 1))
            part = block[max(start - at, 0) : stop - at]
            if len(part):
                largest[bar] = max(largest[bar], float(part.abs().max()))
        at += len(block)
    return largest


def waveform(heights: Sequence[float], timeline: Timeline) -> str:
    """Return an SVG of the peaks, scaled to the largest; the class of a bar is its speaker."""
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
    starts = [
        len(heights) * chapter.start / timeline.samples
        for chapter in timeline.chapters
        if chapter.start
    ]
    paths += [f'<path class="mark" d="M{start:.1f} 0v{_HEIGHT}"/>' for start in starts]
    return (
        f'<svg viewBox="0 0 {len(heights)} {_HEIGHT}" preserveAspectRatio="none" '
        f'aria-hidden="true">{"".join(paths)}</svg>'
    )


def _speakers(timeline: Timeline, bars: int) -> list[int]:
    """Return for each bar the speaker of the last turn that started before its middle."""
    turns = iter(timeline.turns)
    turn, following = next(turns), next(turns, None)
    speakers = []
    for bar in range(bars):
        middle = (2 * bar + 1) * timeline.samples // (2 * bars)
        while following is not None and following.start <= middle:
            turn, following = following, next(turns, None)
        speakers.append(turn.turn.speaker)
    return speakers
