"""Lexicons: how words are spoken that would otherwise be misread.

    # a comment; so is a line that begins with //
    GWh = gigawatt hours         for every language
    [en]                         from here on for English sentences
    Xiaomi = shao me
    [yue]                        for turns that open with <|Yue|>
    銀行 = 銀航

A word is matched whole, between characters that are no letters or digits; Chinese, which has no
spaces, anywhere. The longest match wins, and what is put in its place is not searched again. A word
in lower case, or with a capital at its beginning alone, is found in any case; one with other
capitals (US, iPhone) only as it is written. An entry for the dialect wins over one for the
language, and that over one for every language; between files the last one wins.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from podtts.errors import InputError, ScriptError, nearest
from podtts.text.characters import clean_text, decode_utf8, excerpt
from podtts.text.languages import HAN
from podtts.text.pauses import split_pauses
from podtts.text.tags import DIALECT_TAGS, check_tags
from podtts.text.typography import plain_characters

EVERY = "all"
SECTIONS = (EVERY, "en", "zh", *(tag.name.lower() for tag in DIALECT_TAGS))
_SECTION = re.compile(r"\[(?P<name>[^\]]*)\]")
_AN_ENTRY = "an entry looks like this: GWh = gigawatt hours"
_LETTER = re.compile(rf"[^\W{HAN}]")  # also a digit; Chinese characters need no space between words


@dataclass(frozen=True)
class _Table:
    """The words of one section."""

    exact: dict[str, str] = field(default_factory=dict)  # as written
    folded: dict[str, str] = field(default_factory=dict)  # casefolded: in any case

    def place_of(self, word: str) -> tuple[dict[str, str], str]:
        """Where a word is kept, and under which key."""
        if any(character.isupper() for character in word[1:]):
            return self.exact, word
        return self.folded, word.casefold()

    def merged(self, stronger: "_Table") -> "_Table":
        return _Table(self.exact | stronger.exact, self.folded | stronger.folded)

    @cached_property
    def lengths(self) -> list[int]:
        """Lengths of the words, the longest first."""
        return sorted({len(word) for word in (*self.exact, *self.folded)}, reverse=True)

    def spoken(self, word: str) -> str | None:
        found = self.exact.get(word)
        return self.folded.get(word.casefold()) if found is None else found


@dataclass(frozen=True)
class Lexicon:
    """The entries of lexicon files, by section."""

    sections: Mapping[str, _Table] = field(default_factory=dict)

    def merged(self, stronger: "Lexicon") -> "Lexicon":
        """This lexicon with the entries of another one, which win."""
        tables = dict(self.sections)
        for name, table in stronger.sections.items():
            tables[name] = tables.get(name, _Table()).merged(table)
        return Lexicon(tables)

    def speller(self, sections: Sequence[str]) -> "Speller":
        """What applies to a text; `sections` from the weakest to the strongest."""
        table = _Table()
        for name in sections:
            table = table.merged(self.sections.get(name, _Table()))
        return Speller(table)


@dataclass(frozen=True)
class Speller:
    """Replaces the words of a text by how they are spoken."""

    table: _Table

    def spell(self, text: str) -> str:
        """Return a text without tags as the lexicon has it spoken."""
        if not self.table.lengths:
            return text
        spelled, at = [], 0
        while at < len(text):
            length, spoken = self._match(text, at)
            spelled.append(spoken)
            at += length
        return "".join(spelled)

    def _match(self, text: str, at: int) -> tuple[int, str]:
        """How many characters the word at an offset has, and how it is spoken."""
        inside_before = at > 0 and _LETTER.match(text[at - 1]) and _LETTER.match(text[at])
        for length in () if inside_before else self.table.lengths:
            end = at + length
            if end > len(text):
                continue
            inside = end < len(text) and _LETTER.match(text[end - 1]) and _LETTER.match(text[end])
            if not inside and (spoken := self.table.spoken(text[at:end])) is not None:
                return length, spoken
        return 1, text[at]


def read_lexicons(paths: Sequence[Path]) -> Lexicon:
    """Read lexicon files; entries of a later one win. Raises InputError with file and line."""
    lexicon = Lexicon()
    for path in paths:
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"{path}: no such lexicon", "check the path") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        lexicon = lexicon.merged(parse_lexicon(decode_utf8(raw, str(path)), str(path)))
    return lexicon


def parse_lexicon(text: str, source: str) -> Lexicon:
    """Parse a lexicon; `source` names it in messages. Raises ScriptError with the line."""
    tables: dict[str, _Table] = {}
    lines: dict[tuple[str, str], int] = {}  # section and key -> where it stands
    section = EVERY
    for number, line in enumerate(clean_text(text, source).split("\n"), 1):
        line = line.strip()
        if not line or line.startswith(("#", "//")):
            continue
        if heading := _SECTION.fullmatch(line):
            section = _section(heading["name"], source, number)
            continue
        word, spoken = _entry(line, source, number)
        kept, key = tables.setdefault(section, _Table()).place_of(word)
        if (other := lines.setdefault((section, key), number)) != number:
            raise ScriptError(
                source,
                number,
                f"{excerpt(word)} stands on line {other} already",
                "keep one of them",
            )
        kept[key] = spoken
    return Lexicon(tables)


def _section(written: str, source: str, line: int) -> str:
    name = written.strip().lower()
    if name not in SECTIONS:
        raise ScriptError(
            source,
            line,
            f"unknown section [{excerpt(written)}]{nearest(name, SECTIONS)}",
            "the sections are " + " ".join(f"[{one}]" for one in SECTIONS),
        )
    return name


def _entry(line: str, source: str, number: int) -> tuple[str, str]:
    """The word of a line, and how it is spoken."""
    left, equals, right = line.partition("=")
    word = plain_characters(unicodedata.normalize("NFC", left)).strip()
    spoken = right.strip()
    if not (equals and word and spoken):
        raise ScriptError(source, number, f"no entry: {excerpt(line)}", _AN_ENTRY)
    if "<|" in word or "|>" in word:
        raise ScriptError(source, number, "tags cannot be replaced", _AN_ENTRY)
    if found := check_tags(spoken):
        raise ScriptError(source, number, found.problem, found.hint)
    if split_pauses(spoken) != [spoken]:
        raise ScriptError(
            source, number, f"{excerpt(spoken)} holds a pause", "pauses stand in scripts alone"
        )
    return word, spoken
