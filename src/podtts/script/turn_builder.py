"""Builds the turns of a script while it is parsed: pauses split a written turn into several.

A pause belongs to the words after it, whoever speaks them. A pause at the end of a turn, or in a
turn of its own, extends the silence before the next turn. After the last words it is dropped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from podtts.script.model import SILENT_TURN_SECONDS
from podtts.text.pauses import MAX_PAUSE_SECONDS, Pause, split_pauses
from podtts.text.tags import DIALECT_TAGS, PARALINGUISTIC_TAGS, TagProblem, check_tags, dialect_of
from podtts.values import Chapter, Turn


@dataclass
class _Part:
    """The words between two pauses of a written turn."""

    line: int
    pause: float  # seconds before it
    pieces: list[str]

    @property
    def words(self) -> str:
        return "".join(self.pieces)


@dataclass
class WrittenTurn:
    """A turn as the script has it, with its pauses."""

    speaker: int
    line: int
    parts: list[_Part] = field(default_factory=list)
    has_pause: bool = False

    @property
    def empty(self) -> bool:
        """Whether it has neither words nor a pause."""
        return not (self.parts or self.has_pause)


class TurnBuilder:
    """Collects the written turns of a script, in order, and builds its turns from them.

    separator: returns the text between two lines of a turn, for the text before and after it.
    warn:      called with the line and the problem of a pause that is changed or dropped.
    """

    def __init__(
        self, separator: Callable[[str, str], str], warn: Callable[[int, str], None]
    ) -> None:
        self._separator, self._warn = separator, warn
        self._written: list[WrittenTurn] = []
        self._pause, self._pause_line = 0.0, 0  # seconds of silence before the next words

    def __len__(self) -> int:
        return len(self._written)

    @property
    def last(self) -> WrittenTurn:
        return self._written[-1]

    def start_turn(self, speaker: int, line: int) -> None:
        """Start a written turn."""
        self._written.append(WrittenTurn(speaker, line))

    def add_line(self, line: int, text: str) -> TagProblem | None:
        """Add the text of a line to the last turn; returns its problem instead, if it has one.

        Before the first turn, only pauses are possible.
        """
        parts = split_pauses(text)
        if isinstance(parts, TagProblem):
            return parts
        for part in parts:
            if isinstance(part, Pause):
                self._add_pause(line, part.seconds)
            elif problem := check_tags(part):
                return problem
            else:
                self._add_words(line, part.strip())
        return None

    def add_silence(self, line: int) -> None:
        """Make the last turn, which has no words, a silence before the next words."""
        self._add_pause(line, SILENT_TURN_SECONDS)

    def _add_pause(self, line: int, seconds: float) -> None:
        if self._written:
            self.last.has_pause = True
        self._pause, self._pause_line = self._pause + seconds, line

    def _add_words(self, line: int, words: str) -> None:
        parts = self.last.parts
        if not parts:
            parts.append(_Part(self.last.line, self._take_pause(0.0), [words]))
        elif self._pause and is_audible(words) and is_audible(parts[-1].words):
            parts.append(_Part(line, self._take_pause(0.0), [words]))
        else:
            if self._pause and is_audible(words):  # … [pause 1] Well
                parts[-1].pause = self._take_pause(parts[-1].pause)
            parts[-1].pieces += [self._separator(parts[-1].pieces[-1], words), words]

    def _take_pause(self, before: float) -> float:
        """Return the pause before the next words, added to an earlier one; and reset it."""
        seconds, self._pause = before + self._pause, 0.0
        if seconds > MAX_PAUSE_SECONDS:
            self._warn(
                self._pause_line,
                f"a pause of {seconds:g} s is shortened to the maximum of {MAX_PAUSE_SECONDS:g} s",
            )
        return min(seconds, MAX_PAUSE_SECONDS)

    def build(self, chapters: Sequence[Chapter]) -> tuple[tuple[Turn, ...], tuple[Chapter, ...]]:
        """Return the turns, and the chapters, renumbered from written turns to these turns.

        The dialect of a written turn also applies to its parts after a pause.
        """
        if self._pause:
            self._warn(self._pause_line, "no words follow this pause, so it is dropped")
        turns: list[Turn] = []
        starts = []
        for written in self._written:
            starts.append(len(turns))
            turns += _turns_of(written)
        starts.append(len(turns))
        renumbered = (replace(chapter, turn=starts[chapter.turn]) for chapter in chapters)
        return tuple(turns), tuple(renumbered)


def _turns_of(written: WrittenTurn) -> list[Turn]:
    turns: list[Turn] = []
    for part in written.parts:
        text = part.words
        dialect = dialect_of(turns[0].text) if turns else None
        if dialect and not dialect_of(text):
            text = dialect.token + text
        turns.append(Turn(written.speaker, text, part.line, bool(turns), part.pause))
    return turns


def is_audible(words: str) -> bool:
    """Whether the words have a letter, a digit or a sound tag, not only punctuation."""
    for tag in DIALECT_TAGS:
        words = words.replace(tag.token, "")
    return any(character.isalnum() for character in words) or any(
        tag.token in words for tag in PARALINGUISTIC_TAGS
    )
