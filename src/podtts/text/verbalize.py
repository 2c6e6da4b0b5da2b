"""Writes out what is not words in words: numbers, dates, amounts, addresses, abbreviations, signs.

The grammar of the language finds and reads these expressions; the text between them stays exactly
the same. What a grammar gives is checked here: an expression whose words are missing or still hold
a digit or a sign is spelled character by character, and a note says so. So no digit and no sign
reaches the model, and nothing vanishes without a note.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from podtts.text.characters import excerpt
from podtts.text.grammar import Grammar, Spot
from podtts.text.languages import Language
from podtts.text.numerals import is_ambiguous, is_european
from podtts.text.readable import spell, unreadable

_NO_SPACE_BEFORE = re.compile(r"[.,!?;:)]|$")


@dataclass(frozen=True)
class Verbalized:
    """A text in words."""

    text: str
    notes: tuple[str, ...] = ()  # what was left out or spelled, and what has two meanings


def verbalize(text: str, language: Language, fixed: Sequence[tuple[int, int]] = ()) -> Verbalized:
    """Return a text of one language, without tags, in words.

    fixed: ranges of the text that stay as they are, start and end in characters; none has a digit
    or a sign.
    """
    spots = _grammar(language).spots(text, fixed)
    if not spots:
        return Verbalized(text)
    notes: list[str] = []
    left_out: list[str] = []
    parts: list[str] = []
    at = 0
    for spot in spots:
        _append(parts, text[at : spot.start], language)
        written, at = text[spot.start : spot.end], spot.end
        words = checked_words(written, spot, language)
        if words != spot.words:
            notes.append(f"{_quoted(written)} has no reading; it is spelled {_quoted(words)}")
        elif is_ambiguous(written) and not is_european(text):
            thousands = written.replace(".", ",")
            notes.append(f"{written} is read as a decimal; for thousands write {thousands}")
        if words:
            _append(parts, words, language)
        else:
            left_out.append(written.strip())
            at = _close_gap(parts, text, at)
    if left_out:
        notes.append(f"left out, as it has no words: {' '.join(dict.fromkeys(left_out))}")
    _append(parts, text[at:], language)
    return Verbalized("".join(parts), tuple(dict.fromkeys(notes)))


@cache
def _grammar(language: Language) -> Grammar:
    """Import a grammar when a text needs it: compiling its patterns takes long."""
    if language == "en":
        from podtts.text.english import GRAMMAR
    else:
        from podtts.text.mandarin import GRAMMAR
    return GRAMMAR


def _append(parts: list[str], part: str, language: Language) -> None:
    """Append a part of a text; in English, words that would run into each other get a space."""
    if not part:
        return
    if language == "en" and parts and parts[-1][-1].isalnum() and part[0].isalnum():
        parts.append(" ")
    parts.append(part)


def _close_gap(parts: list[str], text: str, at: int) -> int:
    """Leave one space or none where something was left out; return where the text goes on."""
    if not parts or parts[-1][-1].isspace():
        if text[at : at + 1].isspace():
            return at + 1
        if parts and _NO_SPACE_BEFORE.match(text, at):
            shorter = parts.pop()[:-1]
            parts += [shorter] if shorter else []
    return at


def checked_words(written: str, spot: Spot, language: Language) -> str:
    """Return the words of an expression, or its spelling when they cannot be what it says."""
    has_words = any(character.isalnum() for character in written) and spot.kind != "mark"
    if unreadable(spot.words) or (has_words and not spot.words.strip()):
        return spell(written, language)
    return spot.words


def _quoted(text: str) -> str:
    return f'"{excerpt(text)}"'
