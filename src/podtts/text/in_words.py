"""Numbers, dates, amounts and addresses in words, as they are read aloud.

The reading is wetext's. It is handed only the spot that needs it, never the sentence around, so
that a text without such a spot stays as it is to the last character. wetext itself takes half a
second and 40 MB to load; it is imported when the first such spot is met.
"""

import re
from functools import lru_cache

from podtts.text.languages import HAN, Language
from podtts.text.respellings import MONTH, respell_chinese, respell_english

_NEEDED = re.compile(r"(?:[0-9$€£¥%&@²³½¼¾℃℉]|www\.|://)")
_INSIDE = r"[^\s\"“”„«»()（）\[\]{}<>|\\，。！？；：、…—《》「」『』]"  # a spot holds no other
_WORD = rf"{_INSIDE}*{_NEEDED.pattern}{_INSIDE}*"
# What may stand behind a number, after a space, and belongs to it.
_BEHIND = (
    r"(?:[ap]\.m\.|[ap]m|AM|PM|o'clock|thousand|million|billion|trillion|percent|mph"
    r"|km/h|m/s|[kcm]?m[²³]?|[km]?g|m[lL]|[kMG]?Hz|[kMGT]B|[kMGT]?Wh?|lbs?|oz|ft|°[CF])(?![\w/])"
)
_ENGLISH_SPOT = re.compile(
    rf"(?<!{_INSIDE})(?:(?:{MONTH}\.?|No\.) (?=[0-9]))?{_WORD}"
    rf"(?: {_BEHIND}| (?:of )?{MONTH}(?!\w)| [+×*÷=] {_WORD})*"
)
_LATIN = rf"{_INSIDE[:-1]}{HAN}]"
_OUTER = f"{_LATIN}*"
_CHINESE_SPOT = re.compile(
    rf"(?<!{_LATIN}){_OUTER}{_NEEDED.pattern}{_OUTER}"
    rf"(?: ?[{HAN}](?:{_OUTER}[0-9]{_OUTER}[{HAN}]?)*)?"
)
_EDGES = ".,!?;:*_/~'’‘-"  # at a spot's ends they are the sentence's
_OF_NUMBERS = "-.'’‘~"  # but these belong to a number right behind them: -5, .5, '90s
_NUMBER = re.compile(r"[0-9]+")
_LONGEST_SPOT = 100  # characters; the grammars' memory grows with the spot
_NAMELESS = re.compile(r"[0-9]{16,}")  # too long to have a name
# wetext's reading of 1,000 at the beginning, or behind what is no number.
_BARE_THOUSAND = re.compile(
    r"(?:^|(?<=\bto )|(?<=\babout )|(?<=\bnumber )|(?<=\bnegative ))thousand\b"
)
_DECADE = re.compile(r"([0-9]{3}0)s")


def needs_words(text: str) -> bool:
    """Whether a text holds anything that is not read as it is written."""
    return _NEEDED.search(text) is not None


def in_words(text: str, language: Language) -> str:
    """Return a text of one language, without tags, with numbers and the like in words.

    All else in the text stays as it is, and no digit is left.
    """
    if not needs_words(text):
        return text
    spots = _CHINESE_SPOT if language == "zh" else _ENGLISH_SPOT
    return spots.sub(lambda spot: _read_spot(spot[0], language), text)


def _read_spot(spot: str, language: Language) -> str:
    start, end = len(spot) - len(spot.lstrip(_EDGES)), len(spot.rstrip(_EDGES))
    if 0 < start < end and spot[start - 1] in _OF_NUMBERS and needs_words(spot[start]):
        start -= 1
    if spot[:end].endswith(("a.m", "p.m")):
        end += 1
    core = spot[start:end]
    if not needs_words(core):
        return spot
    core = _NAMELESS.sub(lambda number: _digits(number[0], language), core)
    if len(core) > _LONGEST_SPOT:
        words = _NUMBER.sub(lambda number: _read(number[0], language), core)
    elif language == "zh":
        words = _read(respell_chinese(core), "zh")
    elif decade := _DECADE.fullmatch(core):
        words = _decade(_read(decade[1], "en"))
    else:
        words = _read(respell_english(core), "en")
    return spot[:start] + words + spot[end:]


def _read(spot: str, language: Language) -> str:
    """The words wetext finds for a spot; where it finds none, for each of its numbers alone."""
    words = _wetext(spot, language)
    if words is None:
        words = _NUMBER.sub(lambda number: _wetext(number[0], language) or number[0], spot)
    words = _NUMBER.sub(lambda number: _digits(number[0], language), words)
    return _BARE_THOUSAND.sub("one thousand", words)


def _digits(number: str, language: Language) -> str:
    """A number digit by digit."""
    gap = "" if language == "zh" else " "
    return gap.join(_wetext(digit, language) or digit for digit in number)


def _decade(year: str) -> str:
    """nineteen ninety -> nineteen nineties"""
    return year.removesuffix("y") + ("ies" if year.endswith("y") else "s")


@lru_cache(maxsize=4096)
def _wetext(spot: str, language: Language) -> str | None:
    """What wetext makes of a spot; None where its grammars have no way through it."""
    from wetext import normalize

    try:
        return str(normalize(spot, lang=language, operator="tn"))
    except (AssertionError, RuntimeError):  # how wetext says so
        return None
