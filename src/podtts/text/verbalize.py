"""Writes out numbers, dates, amounts and addresses in words (verbalization).

wetext does the verbalization. It gets only the expressions that need it, never the text around
them, so a text without such expressions stays exactly the same. wetext takes half a second and
40 MB to load, so it is imported for the first such expression.
"""

import re
from functools import lru_cache

from podtts.text.languages import HAN, Language
from podtts.text.wetext_corrections import MONTH, correct_chinese, correct_english

_NEEDED = re.compile(r"(?:[0-9$€£¥%&@²³½¼¾℃℉]|www\.|://)")
_INSIDE = (
    r"[^\s\"“”„«»()（）\[\]{}<>|\\，。！？；：、…—《》「」『』]"  # characters of an expression
)
_WORD = rf"{_INSIDE}*{_NEEDED.pattern}{_INSIDE}*"
# Units and similar words that belong to a number before them, with a space between.
_UNIT = (
    r"(?:[ap]\.m\.|[ap]m|AM|PM|o'clock|thousand|million|billion|trillion|percent|mph"
    r"|km/h|m/s|[kcm]?m[²³]?|[km]?g|m[lL]|[kMG]?Hz|[kMGT]B|[kMGT]?Wh?|lbs?|oz|ft|°[CF])(?![\w/])"
)
_ENGLISH_EXPRESSION = re.compile(
    rf"(?<!{_INSIDE})(?:(?:{MONTH}\.?|No\.) (?=[0-9]))?{_WORD}"
    rf"(?: {_UNIT}| (?:of )?{MONTH}(?!\w)| [+×*÷=] {_WORD})*"
)
_LATIN = rf"{_INSIDE[:-1]}{HAN}]"
_OUTER = f"{_LATIN}*"
_CHINESE_EXPRESSION = re.compile(
    rf"(?<!{_LATIN}){_OUTER}{_NEEDED.pattern}{_OUTER}"
    rf"(?: ?[{HAN}](?:{_OUTER}[0-9]{_OUTER}[{HAN}]?)*)?"
)
_EDGES = ".,!?;:*_/~'’‘-"  # at either end of an expression they are punctuation
_NUMBER_SIGNS = "-.'’‘~"  # but these belong to a number right after them: -5, .5, '90s
_NUMBER = re.compile(r"[0-9]+")
_MAX_CHARACTERS = 100  # wetext's memory grows with the length of the expression
_LONG_NUMBER = re.compile(r"[0-9]{16,}")  # too long for a number word
# wetext writes 1,000 as "thousand" when no number is before it.
_BARE_THOUSAND = re.compile(
    r"(?:^|(?<=\bto )|(?<=\babout )|(?<=\bnumber )|(?<=\bnegative ))thousand\b"
)
_DECADE = re.compile(r"([0-9]{3}0)s")


def needs_verbalizing(text: str) -> bool:
    """Whether a text contains an expression that must be written out in words."""
    return _NEEDED.search(text) is not None


def verbalize(text: str, language: Language) -> str:
    """Return a text of one language, without tags, with numbers and similar expressions in words.

    The rest of the text stays the same, and no digit is left.
    """
    if not needs_verbalizing(text):
        return text
    expressions = _CHINESE_EXPRESSION if language == "zh" else _ENGLISH_EXPRESSION
    return expressions.sub(lambda match: _verbalize_expression(match[0], language), text)


def _verbalize_expression(expression: str, language: Language) -> str:
    """Verbalize an expression, but keep the punctuation at its ends."""
    start, end = len(expression) - len(expression.lstrip(_EDGES)), len(expression.rstrip(_EDGES))
    if (
        0 < start < end
        and expression[start - 1] in _NUMBER_SIGNS
        and needs_verbalizing(expression[start])
    ):
        start -= 1
    if expression[:end].endswith(("a.m", "p.m")):
        end += 1
    core = expression[start:end]
    if not needs_verbalizing(core):
        return expression
    core = _LONG_NUMBER.sub(lambda number: _digits(number[0], language), core)
    if len(core) > _MAX_CHARACTERS:
        words = _NUMBER.sub(lambda number: _words(number[0], language), core)
    elif language == "zh":
        words = _words(correct_chinese(core), "zh")
    elif decade := _DECADE.fullmatch(core):
        words = _decade(_words(decade[1], "en"))
    else:
        words = _words(correct_english(core), "en")
    return expression[:start] + words + expression[end:]


def _words(expression: str, language: Language) -> str:
    """Return wetext's words for an expression; if it has none, for each number in it alone."""
    words = _wetext(expression, language)
    if words is None:
        words = _NUMBER.sub(lambda number: _wetext(number[0], language) or number[0], expression)
    words = _NUMBER.sub(lambda number: _digits(number[0], language), words)
    return _BARE_THOUSAND.sub("one thousand", words)


def _digits(number: str, language: Language) -> str:
    """Return a number digit by digit, in words."""
    gap = "" if language == "zh" else " "
    return gap.join(_wetext(digit, language) or digit for digit in number)


def _decade(year: str) -> str:
    """nineteen ninety -> nineteen nineties"""
    return year.removesuffix("y") + ("ies" if year.endswith("y") else "s")


@lru_cache(maxsize=4096)
def _wetext(expression: str, language: Language) -> str | None:
    """Return wetext's output for an expression, or None when its grammar does not accept it."""
    from wetext import normalize

    try:
        return str(normalize(expression, lang=language, operator="tn"))
    except (AssertionError, RuntimeError):  # wetext raises these for what it does not accept
        return None
