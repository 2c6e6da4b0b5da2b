"""Feet and inches in English, whose signs are also quotation marks."""

import re

from podtts.text.english import numbers
from podtts.text.english.quantities import NUMBER, describes_noun, is_before_noun, number_words
from podtts.text.grammar import Match, Rule, before
from podtts.text.numerals import parse_numeral

_HEIGHT = re.compile(r"(?<![A-Za-z0-9.])([0-9]{1,2})['’′] ?([0-9]{1,2})(?:\"|''|″|”)")
_INCHES = re.compile(
    rf"(?<![A-Za-z]){NUMBER}"
    r"(?:(?P<mark>[\"″])|(?P<hyphen>-)in\b|in\b| in\.?(?=,| (?:long|wide|tall|deep|high|x|by)\b)"
    r"| in\.(?= [a-z])|(?P<end> in)(?=\W*$))"
    r"(?!['’]\w)"
)
_FEET = re.compile(rf"(?<![A-Za-z]){NUMBER}['′](?!\w)")
_FOOT = re.compile(r"[0-9] ?(?:ft|foot|feet)\.? $")
_OTHER_QUOTE = re.compile(r'(?<![0-9])"')
_SINGLE_QUOTE = re.compile(r"(?<!\w)['‘]|['’](?!\w)")


def _read_height(match: Match) -> str:
    return f"{numbers.cardinal(match[1])} foot {numbers.cardinal(match[2])}"


def _read_inches(match: Match) -> str | None:
    if match["end"] and not _FOOT.search(before(match)):
        return None  # the word: the year we live in
    if match["mark"] == '"' and _OTHER_QUOTE.search(match.string):
        return None  # it may close a quotation
    is_adjective = describes_noun(match) or (match["mark"] and is_before_noun(match))
    singular = match["hyphen"] or is_adjective or _is_one(match)
    return f"{number_words(match)} {'inch' if singular else 'inches'}"


def _read_feet(match: Match) -> str | None:
    if len(_SINGLE_QUOTE.findall(match.string[: match.start()])) % 2:
        return None  # it closes a quotation
    singular = describes_noun(match) or _is_one(match)
    return f"{number_words(match)} {'foot' if singular else 'feet'}"


def _is_one(match: Match) -> bool:
    return parse_numeral(match["number"]).is_one and not match["part"]


RULES = (
    Rule("measure", _HEIGHT, _read_height),
    Rule("measure", _INCHES, _read_inches),
    Rule("measure", _FEET, _read_feet),
)
