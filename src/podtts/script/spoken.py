"""From a script as written to the one that is spoken: words respelled, long turns cut.

Every command that speaks or lists turns goes through `spoken_script`, so that they all number the
same turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from podtts.errors import ScriptError
from podtts.script.model import Script
from podtts.text.cuts import finer_pieces, in_groups
from podtts.text.in_words import in_words
from podtts.text.languages import Language, stretches
from podtts.text.length import LONGEST_TURN_SECONDS, expected_seconds
from podtts.text.lexicon import EVERY, Lexicon, Speller
from podtts.text.tags import TAG, Tag, dialect_of
from podtts.text.typography import plain_characters
from podtts.values import Turn


@dataclass(frozen=True)
class SpeechTextOptions:
    """How written text becomes spoken text."""

    lexicon: Lexicon = field(default_factory=Lexicon)
    normalize: bool = True  # characters in their plain form; numbers, dates and units in words
    longest_seconds: float = LONGEST_TURN_SECONDS  # expected length from which a turn is cut


def spoken_script(script: Script, options: SpeechTextOptions | None = None) -> Script:
    """Return the script with its turns as they are spoken; chapters stand before the same words.

    A turn that would take longer than options.longest_seconds becomes several, cut at the ends of
    sentences where it has some; a warning says so. Not to be applied twice.
    Raises ScriptError for a turn of which nothing is left to be spoken.
    """
    options = options or SpeechTextOptions()
    words = _Words(options)
    turns: list[Turn] = []
    starts: list[int] = []  # of each turn of the script, among the spoken ones
    warnings = list(script.warnings)
    for turn in script.turns:
        starts.append(len(turns))
        spoken = _spoken_turns(turn, words, options.longest_seconds)
        turns += spoken
        if not spoken:  # a zero-width space is invisible, but no white space
            raise ScriptError(
                script.source, turn.line, "this turn holds invisible characters alone", "delete it"
            )
        if len(spoken) > 1:
            warnings.append(
                f"{script.source}:{turn.line}: a turn of about "
                f"{sum(expected_seconds(one.text) for one in spoken):.0f} s is spoken in "
                f"{len(spoken)} parts, as turns {starts[-1] + 1} to {len(turns)}"
            )
    starts.append(len(turns))
    chapters = tuple(replace(one, turn=starts[one.turn]) for one in script.chapters)
    return replace(script, turns=tuple(turns), chapters=chapters, warnings=tuple(warnings))


@dataclass(frozen=True)
class _Piece:
    """A piece of a turn's text, and how it is spoken."""

    written: str
    spoken: str

    @property
    def seconds(self) -> float:
        return expected_seconds(self.spoken)


class _Words:
    """How written text of a language or dialect is said."""

    def __init__(self, options: SpeechTextOptions) -> None:
        self._options = options
        self._spellers: dict[tuple[str, ...], Speller] = {}

    def speech(self, language: Language, dialect: Tag | None) -> Callable[[str], str]:
        """What turns written text, tags included, into spoken text."""
        sections = (EVERY, language, *([dialect.name.lower()] if dialect else []))
        if (speller := self._spellers.get(sections)) is None:
            speller = self._spellers[sections] = self._options.lexicon.speller(sections)

        def say(text: str) -> str:
            if not self._options.normalize:
                return speller.spell(text)
            return in_words(speller.spell(plain_characters(text)), language)

        def speech(text: str) -> str:
            said, at = [], 0
            for tag in TAG.finditer(text):  # tags stay; what stands between them is said
                said += [say(text[at : tag.start()]), tag[0]]
                at = tag.end()
            return "".join([*said, say(text[at:])])

        return speech


def _spoken_turns(turn: Turn, words: _Words, longest: float) -> list[Turn]:
    dialect = dialect_of(turn.text)
    pieces = [
        piece
        for stretch in stretches(turn.text)
        for piece in _pieces(stretch.text, words.speech(stretch.language, dialect), longest)
        if piece.spoken.strip()
    ]
    groups = in_groups(pieces, lambda piece: piece.seconds, longest)
    return [_part(turn, group, dialect, first=not at) for at, group in enumerate(groups)]


def _part(turn: Turn, pieces: list[_Piece], dialect: Tag | None, *, first: bool) -> Turn:
    text = "".join(piece.spoken for piece in pieces).strip()
    written = "".join(piece.written for piece in pieces).strip()
    if dialect and not first:  # the model hears of a dialect at the beginning of a turn alone
        text = dialect.token + text
    return replace(
        turn,
        text=text,
        written="" if written == text else written,
        continues=turn.continues or not first,
        pause=turn.pause if first else 0.0,
    )


def _pieces(text: str, speech: Callable[[str], str], longest: float) -> Iterator[_Piece]:
    """Cut a text no finer than its pieces need to be short enough."""
    piece = _Piece(text, speech(text))
    finer = next(finer_pieces(text), None) if piece.seconds > longest else None
    if finer is None:
        yield piece
        return
    for part in finer:
        yield from _pieces(part, speech, longest)
