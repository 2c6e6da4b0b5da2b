"""Angles in English: degrees, minutes and seconds, and points of the compass."""

import re

from podtts.text.english import numbers
from podtts.text.grammar import Match, Rule
from podtts.text.numerals import NUMERAL, parse_numeral

_COMPASS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_ANGLE = re.compile(
    rf"(?<![A-Za-z])(?P<minus>(?<![\w.)])-)?(?P<degree>{NUMERAL}) ?°"
    rf"(?: ?(?P<minute>{NUMERAL})['’′](?: ?(?P<second>[0-9]+(?:\.[0-9]+)?)(?:[\"”″]|''))?)?"
    r"(?: ?(?P<compass>[NSEW])(?![\w'’]))?"
)
_PARTS = ("degree", "minute", "second")


def _read_angle(match: Match) -> str | None:
    """40°42′46″ N -> forty degrees forty two minutes forty six seconds north"""
    if not match["minute"] and not match["compass"]:
        return None
    words = ["minus"] * bool(match["minus"])
    for part in _PARTS:
        if match[part]:
            value = parse_numeral(match[part], match.string)
            words.append(f"{numbers.number(value)} {part}{'' if value.is_one else 's'}")
    if match["compass"]:
        words.append(_COMPASS[match["compass"]])
    return " ".join(words)


RULES = (Rule("angle", _ANGLE, _read_angle),)
