"""Where everything is in an episode, in samples of 24 kHz: the one source of every position.

Nothing is measured or estimated here; what is written from it cannot drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podtts.publish.publish_options import LayoutOptions
from podtts.rates import OUTPUT_HZ
from podtts.values import Chapter, Turn


@dataclass(frozen=True)
class TimedTurn:
    """A spoken turn and the samples [start, stop) that are its own; silence around it is not."""

    number: int  # 1-based, as --retake counts
    turn: Turn
    start: int
    stop: int


@dataclass(frozen=True)
class TimedChapter:
    """A chapter and the samples [start, stop) from its first turn to the next chapter's."""

    title: str
    start: int
    stop: int


@dataclass(frozen=True)
class Timeline:
    """An episode's turns in order, without overlap, and the chapters that cover it."""

    speakers: tuple[str, ...]  # what listeners call them, by number
    turns: tuple[TimedTurn, ...]
    chapters: tuple[TimedChapter, ...]
    samples: int  # of the whole episode

    def name(self, turn: TimedTurn) -> str:
        """Who speaks a turn."""
        return self.speakers[turn.turn.speaker]


def silence_before(previous: Turn | None, turn: Turn, options: LayoutOptions) -> int:
    """Samples of silence between a turn and the one before it (None: it is the first)."""
    gap = options.gap_seconds
    if previous is None or turn.continues:
        gap = 0.0
    elif previous.speaker == turn.speaker and options.same_speaker_gap_seconds is not None:
        gap = options.same_speaker_gap_seconds
    return round(gap * OUTPUT_HZ) + round(turn.pause * OUTPUT_HZ)


def lay_out(
    turns: Sequence[Turn],
    lengths: Sequence[int],
    options: LayoutOptions,
    speakers: Sequence[str],
    chapters: Sequence[Chapter] = (),
) -> Timeline:
    """Place turns of these lengths (in samples) one behind the other."""
    timed: list[TimedTurn] = []
    previous, at = None, 0
    for number, (turn, length) in enumerate(zip(turns, lengths, strict=True), 1):
        start = at + silence_before(previous, turn, options)
        timed.append(TimedTurn(number, turn, start, start + length))
        previous, at = turn, start + length
    return Timeline(tuple(speakers), tuple(timed), _place(chapters, timed, at), at)


def _place(
    chapters: Sequence[Chapter], turns: Sequence[TimedTurn], samples: int
) -> tuple[TimedChapter, ...]:
    """Chapters from turn to turn; headings with no turn between them are one chapter."""
    titles: dict[int, str] = {}
    for chapter in chapters:
        if chapter.turn < len(turns):  # else nothing stands below it, or no more was spoken
            start = 0 if chapter.turn == 0 else turns[chapter.turn].start
            titles[start] = (
                f"{titles[start]}: {chapter.title}" if start in titles else chapter.title
            )
    stops = [*list(titles)[1:], samples]
    return tuple(
        TimedChapter(title, start, stop)
        for (start, title), stop in zip(titles.items(), stops, strict=False)
    )


def speaker_names(labels: Sequence[str], voices: Sequence[str]) -> tuple[str, ...]:
    """What listeners call the speakers: the voices' names for labels such as S1, else the labels.

    Voices that two labels share tell nobody apart; labels then stay as they are.
    """
    numbered = all(label[:1] in "Ss" and label[1:].isdecimal() for label in labels)
    return tuple(voices if numbered and len(set(voices)) == len(voices) else labels)
