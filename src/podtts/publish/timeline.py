"""The timeline of an episode: the positions of turns and chapters in samples of 24 kHz.

All files use these exact positions, so they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from podtts.publish.publish_options import LayoutOptions
from podtts.rates import OUTPUT_HZ
from podtts.values import Chapter, Turn


@dataclass(frozen=True)
class TimedTurn:
    """A turn and its samples [start, stop), without the silence around it."""

    number: int  # 1-based, as in --retake
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
    """The turns of an episode in order, without overlap, and the chapters that cover it."""

    speakers: tuple[str, ...]  # names for listeners, by speaker number
    turns: tuple[TimedTurn, ...]
    chapters: tuple[TimedChapter, ...]
    samples: int  # of the whole episode

    def name(self, turn: TimedTurn) -> str:
        """Return the name of the speaker of a turn."""
        return self.speakers[turn.turn.speaker]

    def surrounded(self, before: int, after: int) -> Timeline:
        """Return the timeline with this many samples of music before and behind the speech.

        Everything is `before` later. A chapter that began with the episode still does, and the last
        one ends with it.
        """
        samples = before + self.samples + after
        turns = tuple(
            replace(turn, start=turn.start + before, stop=turn.stop + before) for turn in self.turns
        )
        chapters = tuple(
            replace(
                chapter,
                start=chapter.start + before if chapter.start else 0,
                stop=samples if chapter.stop == self.samples else chapter.stop + before,
            )
            for chapter in self.chapters
        )
        return Timeline(self.speakers, turns, chapters, samples)


def silence_before(previous: Turn | None, turn: Turn, options: LayoutOptions) -> int:
    """Return the samples of silence between a turn and the previous one (None for the first)."""
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
    """Return the timeline of turns with these lengths in samples."""
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
    """Return the timed chapters; headings without a turn between them become one chapter."""
    titles: dict[int, str] = {}
    for chapter in chapters:
        if chapter.turn < len(turns):  # else no synthesized turn follows it
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
    """Return the names of the speakers: of their voices for labels such as S1, else the labels.

    If two labels share a voice, the labels are used, because the names would be the same.
    """
    numbered = all(label[:1] in "Ss" and label[1:].isdecimal() for label in labels)
    return tuple(voices if numbered and len(set(voices)) == len(voices) else labels)
