"""Angles and times with primes in Mandarin: 39°54′20″, 5′30″."""

import re

from podtts.text.grammar import Match, Rule
from podtts.text.mandarin import numbers
from podtts.text.numerals import NUMERAL, parse_numeral

_ANGLE = re.compile(
    rf"(?<![A-Za-z0-9.,])(?:(?P<degree>{NUMERAL}) ?[°度] ?)?"
    rf"(?P<minute>{NUMERAL})(?:′|['’](?=[0-9]))(?: ?(?P<second>[0-9]+(?:\.[0-9]+)?)(?:[\"”″]|''))?",
    re.ASCII,
)
_PARTS = {"degree": "度", "minute": "分", "second": "秒"}


def _read_angle(match: Match) -> str:
    return "".join(
        numbers.number(parse_numeral(match[part])) + word
        for part, word in _PARTS.items()
        if match[part]
    )


RULES = (Rule("measure", _ANGLE, _read_angle),)
