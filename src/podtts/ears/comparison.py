"""How far what was heard is from a text, in words, and in characters where they are Chinese.

The same words are written in many ways: 12 and twelve, She's and she’s, any more and anymore. Both
sides are brought to one form, by the text stage that also writes the words of a script, before
they are compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from podtts.ears.edits import edits
from podtts.text.languages import HAN, split_by_language
from podtts.text.tags import TAG
from podtts.text.typography import plain_characters
from podtts.text.verbalize import verbalize

MEASURE = 1  # raise when the same texts get another error: it decides which turns fail
# A text of a word or two is heard wrong easily, so one of two wrong words is no error of a half.
SHORTEST = 4

_UNIT = re.compile(rf"[{HAN}]|[^\W_{HAN}]+")
_INNER_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
# Recognizers leave these out, or add them.
_FILLERS = frozenset(("uh", "um", "hm", "hmm", "mm", "mmm", "mhm", "嗯", "呃"))
_LAUGHTER = re.compile(r"(?:ha|he){2,}h?|[哈呵]")
# Nobody hears which of these was written.
_SOUND_THE_SAME = str.maketrans("她它牠妳地得", "他他他你的的")
_LONGEST_RUN = 4  # words that the other side may write as one: G P U and GPU


@dataclass(frozen=True)
class Comparison:
    """A text, and what was heard: how many of its words or Chinese characters differ."""

    wrong: int  # replaced, left out or added
    units: int  # of the text

    @property
    def error(self) -> float:
        """The share that differs, of at least SHORTEST words; more than 1 where much was added."""
        return self.wrong / max(self.units, SHORTEST)


def compare(text: str, heard: str) -> Comparison:
    """Compare a text with what was heard. Tags, punctuation, case and fillers do not count."""
    said, other = units_of(text), units_of(heard)
    joined = _joined(said, frozenset(other)), _joined(other, frozenset(said))
    wrong = min(_distance(said, other), _distance(*joined))
    return Comparison(wrong, len(said))


def units_of(text: str) -> list[str]:
    """The words of a text in the form they are compared in; each Chinese character is one."""
    plain = plain_characters(TAG.sub(" ", text))
    sentences = split_by_language(plain)
    spoken = "".join(verbalize(each.text, each.language).text for each in sentences)
    letters = unicodedata.normalize("NFKD", spoken.casefold())
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    units = _UNIT.findall(_INNER_APOSTROPHE.sub("", letters.translate(_SOUND_THE_SAME)))
    return [unit for unit in units if unit not in _FILLERS and not _LAUGHTER.fullmatch(unit)]


def _distance(said: Sequence[str], heard: Sequence[str]) -> int:
    found = edits(said, heard)
    return found.substituted + found.inserted + found.deleted


def _joined(units: Sequence[str], known: Collection[str]) -> list[str]:
    """The words, with those joined that the other side writes as one of its `known` words."""
    joined: list[str] = []
    at = 0
    while at < len(units):
        length = min(_LONGEST_RUN, len(units) - at)
        while length > 1 and "".join(units[at : at + length]) not in known:
            length -= 1
        joined.append("".join(units[at : at + length]))
        at += length
    return joined
