"""Written turns while a script is read: pauses cut them into the turns that are spoken.

A pause belongs to the words behind it, whoever says them: one at the end of a turn, or in a turn of
its own, makes the silence before the next turn longer. Behind the last words it has no place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from podtts.text.pauses import MAX_PAUSE_SECONDS, Pause, split_pauses
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS, TagProblem, check_tags, dialect_of
from podtts.values import Chapter, Turn


@dataclass
class _Part:
    """Words between two pauses."""

    line: int
    pause: float  # seconds before it
    pieces: list[str]

    @property
    def words(self) -> str:
        return "".join(self.pieces)


@dataclass
class Draft:
    """A written turn."""

    speaker: int
    line: int
    parts: list[_Part] = field(default_factory=list)
    holds_pause: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing at all stands in it."""
        return not (self.parts or self.holds_pause)


class Drafts:
    """The written turns of a script, in order.

    gap:  what stands between the texts of two lines of a turn.
    warn: is told of a pause that cannot be as written, with its line.
    """

    def __init__(self, gap: Callable[[str, str], str], warn: Callable[[int, str], None]) -> None:
        self._gap, self._warn = gap, warn
        self._drafts: list[Draft] = []
        self._pause, self._pause_line = 0.0, 0  # what waits for the next words

    def __len__(self) -> int:
        return len(self._drafts)

    @property
    def last(self) -> Draft:
        return self._drafts[-1]

    def begin(self, speaker: int, line: int) -> None:
        """Begin a written turn."""
        self._drafts.append(Draft(speaker, line))

    def add(self, line: int, text: str) -> TagProblem | None:
        """Add a line's text to the last turn, or return what is wrong with it.

        Before the first turn there may be pauses alone.
        """
        parts = split_pauses(text)
        if isinstance(parts, TagProblem):
            return parts
        for part in parts:
            if isinstance(part, Pause):
                self._wait(line, part.seconds)
            elif found := check_tags(part):
                return found
            else:
                self._say(line, part.strip())
        return None

    def _wait(self, line: int, seconds: float) -> None:
        if self._drafts:
            self.last.holds_pause = True
        self._pause, self._pause_line = self._pause + seconds, line

    def _say(self, line: int, words: str) -> None:
        parts = self.last.parts
        if not parts:
            parts.append(_Part(self.last.line, self._take_pause(0.0), [words]))
        elif self._pause and _says_anything(words) and _says_anything(parts[-1].words):
            parts.append(_Part(line, self._take_pause(0.0), [words]))
        else:
            if self._pause and _says_anything(words):  # … [pause 1] Well
                parts[-1].pause = self._take_pause(parts[-1].pause)
            parts[-1].pieces += [self._gap(parts[-1].pieces[-1], words), words]

    def _take_pause(self, before: float) -> float:
        seconds, self._pause = before + self._pause, 0.0
        if seconds > MAX_PAUSE_SECONDS:
            self._warn(
                self._pause_line,
                f"a pause of {seconds:g} s is cut to {MAX_PAUSE_SECONDS:g} s, the longest there is",
            )
        return min(seconds, MAX_PAUSE_SECONDS)

    def turns(self, chapters: Sequence[Chapter]) -> tuple[tuple[Turn, ...], tuple[Chapter, ...]]:
        """The turns that are spoken; chapters, which counted written turns, before the same words.

        What is spoken in dialect is so behind its pauses, too.
        """
        if self._pause:
            self._warn(self._pause_line, "no words follow this pause; it is left out")
        turns: list[Turn] = []
        starts = []
        for draft in self._drafts:
            starts.append(len(turns))
            turns += _turns_of(draft)
        starts.append(len(turns))
        return tuple(turns), tuple(replace(one, turn=starts[one.turn]) for one in chapters)


def _turns_of(draft: Draft) -> list[Turn]:
    turns: list[Turn] = []
    for part in draft.parts:
        text = part.words
        dialect = dialect_of(turns[0].text) if turns else None
        if dialect and not dialect_of(text):
            text = dialect.token + text
        turns.append(Turn(draft.speaker, text, part.line, bool(turns), part.pause))
    return turns


def _says_anything(words: str) -> bool:
    """Whether words hold more than punctuation; a dialect tag alone says nothing."""
    for tag in DIALECT_TAGS:
        words = words.replace(tag.token, "")
    return any(one.isalnum() for one in words) or any(
        tag.token in words for tag in PARALINGUISTIC_TAGS
    )
