"""Converts a script from its written to its spoken form: normalizes text, splits long turns.

Every command that synthesizes or lists turns calls `spoken_script`, so that turn numbers agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from podtts.errors import ScriptError
from podtts.script.model import SILENT_TURN_SECONDS, Script, nothing_to_say
from podtts.script.turn_builder import is_audible
from podtts.text.languages import Language, split_by_language
from podtts.text.length import LONGEST_TURN_SECONDS, expected_seconds
from podtts.text.lexicon import EVERY, Lexicon, WordReplacer
from podtts.text.pauses import MAX_PAUSE_SECONDS
from podtts.text.readable import unreadable
from podtts.text.splitting import candidate_splits, group_evenly
from podtts.text.tags import TAG, Tag, dialect_of
from podtts.text.typography import plain_characters
from podtts.text.verbalize import verbalize
from podtts.values import Turn


@dataclass(frozen=True)
class SpeechTextOptions:
    """How to convert written text to its spoken form."""

    lexicon: Lexicon = field(default_factory=Lexicon)
    normalize: bool = True  # replace unusual characters; write numbers, dates and units in words
    longest_seconds: float = LONGEST_TURN_SECONDS  # turns of a longer expected duration are split


def spoken_script(script: Script, options: SpeechTextOptions | None = None) -> Script:
    """Return the script with its turns in spoken form; chapters start at the same words.

    A turn that would take longer than options.longest_seconds is split into several, after
    sentences where possible, and a warning reports it. A turn with nothing to say becomes silence
    before the next words, with a warning. Do not apply this twice.
    Raises ScriptError for a script with nothing to say.
    """
    options = options or SpeechTextOptions()
    forms = _SpokenForms(options)
    turns: list[Turn] = []
    starts: list[int] = []  # index of the first spoken turn of each turn of the script
    warnings = list(script.warnings)
    silent: list[Turn] = []  # with nothing to say, since the last words
    silence = 0.0  # seconds, of these
    for turn in script.turns:
        starts.append(len(turns))
        spoken = _spoken_turns(turn, forms, options.longest_seconds)
        if not any(is_audible(part.text) for part in spoken):
            spoken = [turn] if is_audible(turn.text) else []  # no word of a script vanishes
        if not spoken:
            silence += turn.pause + SILENT_TURN_SECONDS
            silent.append(turn)
            continue
        warnings += [nothing_to_say(script.source, other.line, other.text) for other in silent]
        pause = min(spoken[0].pause + silence, MAX_PAUSE_SECONDS)
        turns += [replace(spoken[0], pause=pause), *spoken[1:]]
        silence, silent = 0.0, []
        if len(spoken) > 1:
            warnings.append(
                f"{script.source}:{turn.line}: a turn of about "
                f"{sum(expected_seconds(part.text) for part in spoken):.0f} s is split into "
                f"{len(spoken)} turns, numbers {starts[-1] + 1} to {len(turns)}"
            )
    if not turns:
        raise ScriptError(
            script.source, script.turns[0].line, "the script has nothing to say", "write a text"
        )
    warnings += [
        nothing_to_say(script.source, turn.line, turn.text, is_last=True) for turn in silent
    ]
    starts.append(len(turns))
    chapters = tuple(replace(chapter, turn=starts[chapter.turn]) for chapter in script.chapters)
    warnings += [f"{script.source}:{line}: {note}" for line, note in forms.notes]
    return replace(script, turns=tuple(turns), chapters=chapters, warnings=tuple(warnings))


@dataclass(frozen=True)
class _Piece:
    """A piece of a turn's text, in written and spoken form."""

    written: str
    spoken: str

    @property
    def seconds(self) -> float:
        return expected_seconds(self.spoken)


class _SpokenForms:
    """Converts written text of a language or dialect to its spoken form."""

    def __init__(self, options: SpeechTextOptions) -> None:
        self.notes: dict[tuple[int, str], None] = {}  # line, and what to tell about its words
        self._options = options
        self._spellers: dict[tuple[str, ...], WordReplacer] = {}

    def converter(self, language: Language, dialect: Tag | None, line: int) -> Callable[[str], str]:
        """Return the function that converts the text of a line, which may have tags."""
        sections = (EVERY, language, *([dialect.name.lower()] if dialect else []))
        if (replacer := self._spellers.get(sections)) is None:
            replacer = self._spellers[sections] = self._options.lexicon.replacer(sections)

        def convert_words(text: str) -> str:
            if not self._options.normalize:
                return replacer.replace(text)
            words, marked = replacer.replace_and_mark(plain_characters(text))
            # The lexicon wins, but a number in it is read as one.
            fixed = [(start, end) for start, end in marked if not unreadable(words[start:end])]
            verbalized = verbalize(words, language, fixed)
            self.notes |= {(line, note): None for note in verbalized.notes}
            return verbalized.text

        def convert(text: str) -> str:
            parts, at = [], 0
            for tag in TAG.finditer(text):  # tags stay the same
                parts += [convert_words(text[at : tag.start()]), tag[0]]
                at = tag.end()
            return "".join([*parts, convert_words(text[at:])])

        return convert


def _spoken_turns(turn: Turn, forms: _SpokenForms, longest: float) -> list[Turn]:
    dialect = dialect_of(turn.text)

    def converter(language: Language) -> Callable[[str], str]:
        return forms.converter(language, dialect, turn.line)

    pieces = [
        piece
        for sentence in split_by_language(turn.text)
        for piece in _pieces(sentence.text, converter(sentence.language), longest)
        if piece.spoken.strip()
    ]
    groups = group_evenly(pieces, lambda piece: piece.seconds, longest)
    return [_part(turn, group, dialect, first=not at) for at, group in enumerate(groups)]


def _part(turn: Turn, pieces: list[_Piece], dialect: Tag | None, *, first: bool) -> Turn:
    text = "".join(piece.spoken for piece in pieces).strip()
    written = "".join(piece.written for piece in pieces).strip()
    if dialect and not first:  # the tag must be at the beginning of every turn
        text = dialect.token + text
    return replace(
        turn,
        text=text,
        written="" if written == text else written,
        continues=turn.continues or not first,
        pause=turn.pause if first else 0.0,
    )


def _pieces(text: str, convert: Callable[[str], str], longest: float) -> Iterator[_Piece]:
    """Split a text only as far as needed to make its pieces short enough."""
    piece = _Piece(text, convert(text))
    finer = next(candidate_splits(text), None) if piece.seconds > longest else None
    if finer is None:
        yield piece
        return
    for part in finer:
        yield from _pieces(part, convert, longest)
