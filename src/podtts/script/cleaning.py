"""Cleans a line of text: what is not words becomes what it means, or is left out with a warning."""

import re
from collections.abc import Callable

from podtts.errors import ScriptError
from podtts.script.brackets import DirectionError, Directions
from podtts.script.markup import (
    tidy,
    unescape,
    without_comments,
    without_emoji,
    without_emphasis,
    without_links,
    without_tags,
)
from podtts.script.reading import ReadingOptions
from podtts.text.pauses import Pause, split_pauses

# A text with none of these characters has nothing to clean.
_SIGNS = re.compile(
    "[\\\\*_~`\\[\\](){}<>&#（）【】［］\u20e3\u2300-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U000e007f]"
)
_ROUNDS = 12  # markup within markup; each round removes one layer


class Cleaner:
    """Cleans the lines of one script.

    warn: is called with the line and what was left out or replaced.
    """

    def __init__(
        self, source: str, options: ReadingOptions, warn: Callable[[int, str], None]
    ) -> None:
        self._source, self._report = source, warn
        self._line = 0
        self._directions = Directions(options, self._warn)

    def clean(self, line: int, text: str, *, literal: bool = False) -> str:
        """Return the text of a line as words, tags and pauses; empty if nothing is left.

        literal: a name in brackets is words.
        Raises ScriptError for what could be words or something else.
        """
        if not _SIGNS.search(text):
            return text
        self._line = line
        for _ in range(_ROUNDS):
            cleaned = self._layer(line, text, literal)
            if cleaned == text:
                break
            text = tidy(cleaned)
        return text

    def behind_label(self, line: int, direction: str) -> str:
        """Return what a direction between a label and its colon means. Raises ScriptError."""
        self._line = line
        try:
            return self._directions.behind_label(direction)
        except DirectionError as error:
            raise ScriptError(self._source, line, error.problem, error.hint) from None

    def note_time(self, line: int, written: str) -> None:
        """Warn once a script that times are left out."""
        self._line = line
        self._directions.note_time(written)

    def _layer(self, line: int, text: str, literal: bool) -> str:
        text = without_links(without_comments(unescape(text)), self._warn)
        try:
            text = self._directions.replace(text, literal=literal)
            text = without_tags(without_emphasis(text), self._warn, self._directions.tag)
        except DirectionError as error:
            raise ScriptError(self._source, line, error.problem, error.hint) from None
        return without_emoji(text, self._warn)

    def _warn(self, problem: str) -> None:
        self._report(self._line, problem)


def has_only_pauses(text: str) -> bool:
    """Whether a cleaned text has no words, only pauses."""
    parts = split_pauses(text)
    return isinstance(parts, list) and all(isinstance(part, Pause) for part in parts)
