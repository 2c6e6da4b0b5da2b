"""Cues: the text of a turn, split into parts that are short enough for subtitles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from podtts.publish.timeline import TimedTurn, Timeline
from podtts.text.length import expected_seconds
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS

WIDEST_CUE = 84  # columns, two lines of a subtitle; a Chinese character takes two

_CLOSING = r"[\"'”’」』）)\]]*"
_BOUNDARIES = tuple(  # after sentences, then after clauses, then between words or characters
    re.compile(pattern)
    for pattern in (
        rf"[.!?…]+{_CLOSING}\s+(?=[^\sa-z])|[。！？]+{_CLOSING}\s*",
        rf"[,;:—–]+{_CLOSING}\s+|[，；：、]{_CLOSING}\s*",
        r"\s+|(?<=[\u3400-\u9fff])(?=[\u3400-\u9fff])",
    )
)
_READABLE = {  # tag -> text
    **{tag.token: f"({tag.name.replace('_', ' ')})" for tag in PARALINGUISTIC_TAGS},
    **{tag.token: "" for tag in DIALECT_TAGS},
}
_TAG = re.compile("|".join(map(re.escape, _READABLE)))
_MIN_SECONDS = 0.1  # expected duration of a part without letters


@dataclass(frozen=True)
class Cue:
    """A part of a turn's text and the samples [start, stop) during which it is shown."""

    turn: TimedTurn
    text: str
    start: int
    stop: int
    estimated: bool  # the turn has several cues, whose boundaries are estimated from their texts


def shown_text(text: str) -> str:
    """Return the text of a turn for readers, with tags in words."""
    return " ".join(_TAG.sub(lambda tag: f" {_READABLE[tag[0]]} ", text).split())


def cues(timeline: Timeline) -> Iterator[Cue]:
    """Yield the cues of an episode; those of a turn cover it exactly."""
    for turn in timeline.turns:
        parts = split_text(shown_text(turn.turn.shown))
        if turn.stop > turn.start:
            yield from _timed(turn, parts)


def split_text(text: str) -> list[str]:
    """Split a text that is too wide: after sentences, else after clauses, else between words."""
    parts = [text]
    for boundary in _BOUNDARIES:
        parts = [shorter for part in parts for shorter in _split(part, boundary)]
    return parts


def _split(text: str, boundary: re.Pattern[str]) -> list[str]:
    """Split at some of the boundaries, into as few parts as possible."""
    if _columns(text) <= WIDEST_CUE:
        return [text]
    parts, start, stop = [], 0, 0
    for end in [*(match.end() for match in boundary.finditer(text)), len(text)]:
        if stop > start and _columns(text[start:end].strip()) > WIDEST_CUE:
            parts.append(text[start:stop].strip())
            start = stop
        stop = end
    return [part for part in [*parts, text[start:].strip()] if part]


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _timed(turn: TimedTurn, parts: list[str]) -> Iterator[Cue]:
    """Divide the time of a turn among its parts by their expected durations."""
    seconds = [max(expected_seconds(part), _MIN_SECONDS) for part in parts]
    start, elapsed = turn.start, 0.0
    for part, part_seconds in zip(parts, seconds, strict=True):
        elapsed += part_seconds
        stop = turn.start + round((turn.stop - turn.start) * (elapsed / sum(seconds)))
        if part is parts[-1]:
            stop = turn.stop
        yield Cue(turn, part, start, stop, estimated=len(parts) > 1)
        start = stop
