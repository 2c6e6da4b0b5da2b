"""Lexicons: the spoken form of words that the model would mispronounce.

    # a comment; so is a line that begins with //
    GWh = gigawatt hours         for every language
    [en]                         the next entries are for English sentences
    Xiaomi = shao me
    [yue]                        the next entries are for turns that begin with <|Yue|>
    銀行 = 銀航

An entry matches complete words, between characters that are not letters or digits. Chinese has no
spaces, so a Chinese entry matches anywhere. The longest match wins, and its replacement is not
searched again. An entry in lower case, or with a capital only at its beginning, matches in any
case. An entry with other capitals (US, iPhone) matches only as written. Entries for a dialect take
precedence over entries for a language, and those over entries for every language. If several files
have the same word, the last file wins.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from podtts.deprecation import renamed_method
from podtts.errors import InputError, ScriptError, nearest
from podtts.text.characters import clean_text, decode_utf8, excerpt
from podtts.text.languages import HAN
from podtts.text.pauses import split_pauses
from podtts.text.tags import DIALECT_TAGS, check_tags
from podtts.text.typography import plain_characters

EVERY = "all"
SECTIONS = (EVERY, "en", "zh", *(tag.name.lower() for tag in DIALECT_TAGS))
_SECTION = re.compile(r"\[(?P<name>[^\]]*)\]")
_EXAMPLE = "an entry looks like this: GWh = gigawatt hours"
_LETTER = re.compile(rf"[^\W{HAN}]")  # or a digit; Chinese words have no spaces between them


@dataclass(frozen=True)
class _Table:
    """The entries of one section."""

    exact: dict[str, str] = field(default_factory=dict)  # match only as written
    folded: dict[str, str] = field(default_factory=dict)  # casefolded; match in any case

    def entries_for(self, word: str) -> tuple[dict[str, str], str]:
        """Return the dictionary that a word belongs in, and its key there."""
        if any(character.isupper() for character in word[1:]):
            return self.exact, word
        return self.folded, word.casefold()

    def merged(self, stronger: "_Table") -> "_Table":
        return _Table(self.exact | stronger.exact, self.folded | stronger.folded)

    @cached_property
    def lengths(self) -> list[int]:
        """Lengths of the words, longest first."""
        return sorted({len(word) for word in (*self.exact, *self.folded)}, reverse=True)

    def spoken(self, word: str) -> str | None:
        exact = self.exact.get(word)
        return self.folded.get(word.casefold()) if exact is None else exact


@dataclass(frozen=True)
class Lexicon:
    """The entries of lexicon files, by section."""

    sections: Mapping[str, _Table] = field(default_factory=dict)

    def merged(self, stronger: "Lexicon") -> "Lexicon":
        """Return this lexicon with the entries of another one, which take precedence."""
        tables = dict(self.sections)
        for name, table in stronger.sections.items():
            tables[name] = tables.get(name, _Table()).merged(table)
        return Lexicon(tables)

    speller = renamed_method("Lexicon.speller", "replacer")

    def replacer(self, sections: Sequence[str]) -> "WordReplacer":
        """Return the replacer for these sections; later sections take precedence."""
        table = _Table()
        for name in sections:
            table = table.merged(self.sections.get(name, _Table()))
        return WordReplacer(table)


@dataclass(frozen=True)
class WordReplacer:
    """Replaces the words of a text by their spoken form."""

    table: _Table

    def replace(self, text: str) -> str:
        """Return the spoken form of a text without tags."""
        return self.replace_and_mark(text)[0]

    def replace_and_mark(self, text: str) -> tuple[str, list[tuple[int, int]]]:
        """Return the spoken form of a text without tags, and where in it the lexicon's words are.

        Each range has a start and an end, in characters.
        """
        if not self.table.lengths:
            return text, []
        parts: list[str] = []
        marked: list[tuple[int, int]] = []
        at = done = 0
        while at < len(text):
            length, spoken, found = self._match(text, at)
            parts.append(spoken)
            if found:
                marked.append((done, done + len(spoken)))
            at, done = at + length, done + len(spoken)
        return "".join(parts), marked

    def _match(self, text: str, at: int) -> tuple[int, str, bool]:
        """Return the length of the word or character at an offset, its spoken form, and whether
        the lexicon has it."""
        inside_before = at > 0 and _LETTER.match(text[at - 1]) and _LETTER.match(text[at])
        for length in () if inside_before else self.table.lengths:
            end = at + length
            if end > len(text):
                continue
            inside = end < len(text) and _LETTER.match(text[end - 1]) and _LETTER.match(text[end])
            if not inside and (spoken := self.table.spoken(text[at:end])) is not None:
                return length, spoken, True
        return 1, text[at], False


def read_lexicons(paths: Sequence[Path]) -> Lexicon:
    """Read lexicon files; later files take precedence. Raises InputError with file and line."""
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
    """Parse a lexicon; `source` is its name in messages. Raises ScriptError with the line."""
    tables: dict[str, _Table] = {}
    lines: dict[tuple[str, str], int] = {}  # section and key -> line
    section = EVERY
    for number, line in enumerate(clean_text(text, source).split("\n"), 1):
        line = line.strip()
        if not line or line.startswith(("#", "//")):
            continue
        if heading := _SECTION.fullmatch(line):
            section = _section(heading["name"], source, number)
            continue
        word, spoken = _entry(line, source, number)
        entries, key = tables.setdefault(section, _Table()).entries_for(word)
        if (other := lines.setdefault((section, key), number)) != number:
            raise ScriptError(
                source,
                number,
                f"{excerpt(word)} already has an entry on line {other}",
                "keep one of them",
            )
        entries[key] = spoken
    return Lexicon(tables)


def _section(written: str, source: str, line: int) -> str:
    name = written.strip().lower()
    if name not in SECTIONS:
        raise ScriptError(
            source,
            line,
            f"unknown section [{excerpt(written)}]{nearest(name, SECTIONS)}",
            "the sections are " + " ".join(f"[{section}]" for section in SECTIONS),
        )
    return name


def _entry(line: str, source: str, number: int) -> tuple[str, str]:
    """Return the word of a line and its spoken form."""
    left, equals, right = line.partition("=")
    word = plain_characters(unicodedata.normalize("NFC", left)).strip()
    spoken = right.strip()
    if not (equals and word and spoken):
        raise ScriptError(source, number, f"this is not an entry: {excerpt(line)}", _EXAMPLE)
    if "<|" in word or "|>" in word:
        raise ScriptError(source, number, "a lexicon cannot replace tags", _EXAMPLE)
    if problem := check_tags(spoken):
        raise ScriptError(source, number, problem.problem, problem.hint)
    if split_pauses(spoken) != [spoken]:
        raise ScriptError(
            source,
            number,
            f"{excerpt(spoken)} contains a pause",
            "only scripts can contain pauses",
        )
    return word, spoken
