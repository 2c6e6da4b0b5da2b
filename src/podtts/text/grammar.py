"""Grammars: find the expressions of a text that are not words, and say them in words.

A grammar is a list of rules. Each rule has the pattern of one kind of expression and a reader that
turns a match into words. A reader sees the whole sentence through its match, so it can decide by
context, and it returns None for what only looks like its kind. The first rule that reads an
expression wins; the text between expressions stays exactly the same.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from podtts.text.languages import HAN
from podtts.text.readable import NUMERIC_SIGNS

Match = re.Match[str]

_LONGEST = 200  # characters of an expression; this keeps the time linear


@dataclass(frozen=True)
class Rule:
    """How to read one kind of expression."""

    kind: str  # such as "money" or "date"
    pattern: re.Pattern[str]
    read: Callable[[Match], str | None]


@dataclass(frozen=True)
class Spot:
    """An expression in a text, and its words."""

    start: int  # offsets in the text, in characters
    end: int
    kind: str
    words: str  # "" for what is left out


@dataclass(frozen=True)
class Grammar:
    """The rules of a language."""

    rules: Sequence[Rule]  # in order of precedence
    active: re.Pattern[str]  # finds the stretches of a text in which rules are tried
    ranged: frozenset[str]  # kinds that can be the ends of a range
    dash: re.Pattern[str]  # joins the ends of a range; its group `word` belongs to the first end
    join: Callable[[str], str]  # the dash in words, by the text before the range

    def spots(self, text: str, fixed: Sequence[tuple[int, int]] = ()) -> list[Spot]:
        """Return the expressions of a text in order; none touches a `fixed` range of it."""
        found: list[Spot] = []
        at = 0
        while stretch := self.active.search(text, at):
            at = stretch.start()
            while at < stretch.end():
                spot = self._spot(text, at, fixed)
                if spot is None:
                    at = _next_start(text, at)
                else:
                    found.append(spot)
                    at = spot.end
        return found

    def _spot(self, text: str, start: int, fixed: Sequence[tuple[int, int]]) -> Spot | None:
        """Return the expression that begins at an offset, or the range of two, or None."""
        first = _match(self.rules, text, start, fixed)
        if first is None or first.kind not in self.ranged:
            return first
        dash = self.dash.match(text, first.end)
        if dash is None:
            return first
        # To the rules, the second end of a range stands alone: the dash is no sign of it.
        since = max(0, start - _LONGEST)
        apart = text[since : dash.start()] + " " * len(dash[0])
        nearby = [(at - since, end - since) for at, end in fixed]
        following = text[dash.end() : dash.end() + _LONGEST]
        last = _match(self._range_ends, apart + following, len(apart), nearby)
        if last is None:
            return first
        word = dash["word"] or ""  # 20 percent-30 percent
        words = first.words + word + self.join(text[:start]) + last.words
        return Spot(start, since + last.end, last.kind, words)

    @cached_property
    def _range_ends(self) -> list[Rule]:
        return [rule for rule in self.rules if rule.kind in self.ranged]


def _match(
    rules: Sequence[Rule], text: str, start: int, fixed: Sequence[tuple[int, int]]
) -> Spot | None:
    for rule in rules:
        match = rule.pattern.match(text, start, start + _LONGEST)
        if match is None or any(start < end and at < match.end() for at, end in fixed):
            continue
        words = rule.read(match)
        if words is not None:
            return Spot(start, match.end(), rule.kind, words)
    return None


_RUN = re.compile(rf"[^\W\d_{NUMERIC_SIGNS}{HAN}]+|[0-9]+")


def _next_start(text: str, start: int) -> int:
    """Return the offset after the letters, the digits or the single character at an offset."""
    run = _RUN.match(text, start)
    return run.end() if run else start + 1


def before(match: Match, characters: int = 60) -> str:
    """Return the text before a match, cut to its last characters."""
    return match.string[max(0, match.start() - characters) : match.start()]


def after(match: Match, characters: int = 60) -> str:
    """Return the text after a match, cut to its first characters."""
    return match.string[match.end() : match.end() + characters]


def either(words: str | Iterable[str]) -> str:
    """Return a pattern for any of these words, longest first; a string is split at its spaces."""
    if isinstance(words, str):
        words = words.split()
    return "(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + ")"


def word_set(words: str) -> frozenset[str]:
    """Return the words of a string."""
    return frozenset(words.split())


def table(text: str) -> dict[str, str]:
    """Read a table with lines such as `km KM: kilometer` into {"km": "kilometer", ...}.

    `_` stands for a space in a key.
    """
    entries: dict[str, str] = {}
    for line in text.strip().splitlines():
        keys, _, words = line.partition(": ")
        entries |= {key.replace("_", " "): words for key in keys.split()}
    return entries
