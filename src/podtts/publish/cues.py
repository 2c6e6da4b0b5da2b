"""What is shown while a turn is heard: its text, in parts short enough to be read."""

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
_ENDS = tuple(  # of sentences, then of clauses, then of words or characters
    re.compile(pattern)
    for pattern in (
        rf"[.!?…]+{_CLOSING}\s+(?=[^\sa-z])|[。！？]+{_CLOSING}\s*",
        rf"[,;:—–]+{_CLOSING}\s+|[，；：、]{_CLOSING}\s*",
        r"\s+|(?<=[\u3400-\u9fff])(?=[\u3400-\u9fff])",
    )
)
_SHOWN = {
    **{tag.token: f"({tag.name.replace('_', ' ')})" for tag in PARALINGUISTIC_TAGS},
    **{tag.token: "" for tag in DIALECT_TAGS},
}
_TAG = re.compile("|".join(map(re.escape, _SHOWN)))
_SHORTEST_SECONDS = 0.1  # of a part without letters


@dataclass(frozen=True)
class Cue:
    """A part of a turn's text and the samples [start, stop) it is shown for."""

    turn: TimedTurn
    text: str
    start: int
    stop: int
    estimated: bool  # the turn has several cues: where they meet is estimated from their texts


def shown_text(text: str) -> str:
    """A turn's text as people read it: tags in words."""
    return " ".join(_TAG.sub(lambda tag: f" {_SHOWN[tag[0]]} ", text).split())


def cues(timeline: Timeline) -> Iterator[Cue]:
    """Yield the cues of an episode; first and last of a turn begin and end with it, exactly."""
    for turn in timeline.turns:
        parts = split_text(shown_text(turn.turn.shown))
        if turn.stop > turn.start:
            yield from _shared_out(turn, parts)


def split_text(text: str) -> list[str]:
    """Split a text that is too wide at the ends of sentences, else of clauses, else of words."""
    parts = [text]
    for end in _ENDS:
        parts = [shorter for part in parts for shorter in _split(part, end)]
    return parts


def _split(text: str, end: re.Pattern[str]) -> list[str]:
    """Split at some of the ends, so that as few parts come of it as fit."""
    if _columns(text) <= WIDEST_CUE:
        return [text]
    parts, start, stop = [], 0, 0
    for place in [*(found.end() for found in end.finditer(text)), len(text)]:
        if stop > start and _columns(text[start:place].strip()) > WIDEST_CUE:
            parts.append(text[start:stop].strip())
            start = stop
        stop = place
    return [part for part in [*parts, text[start:].strip()] if part]


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _shared_out(turn: TimedTurn, parts: list[str]) -> Iterator[Cue]:
    """Give every part its share of the turn, by how long it takes to say."""
    seconds = [max(expected_seconds(part), _SHORTEST_SECONDS) for part in parts]
    start, spoken = turn.start, 0.0
    for part, share in zip(parts, seconds, strict=True):
        spoken += share
        stop = turn.start + round((turn.stop - turn.start) * (spoken / sum(seconds)))
        if part is parts[-1]:
            stop = turn.stop
        yield Cue(turn, part, start, stop, estimated=len(parts) > 1)
        start = stop
