"""Times of day and ratios in Mandarin."""

import re

from podtts.text.grammar import Match, Rule, after, before
from podtts.text.mandarin import numbers
from podtts.text.numerals import parse_numeral

_START = r"(?<![\w:.,/])"
_HALF = r" ?(?P<half>[aApP])\.?[mM]\.?(?![A-Za-z])"
_CLOCK = re.compile(
    rf"{_START}(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})(?::(?P<second>[0-9]{{2}}))?(?![0-9:])"
    rf"(?:{_HALF})?(?:分(?!钟))?",
    re.ASCII,
)
_HOUR = re.compile(rf"{_START}(?P<hour>1[0-2]|0?[1-9]){_HALF}", re.ASCII)
_MINUTES = re.compile(r"(?<=[点时])(?P<minute>[0-5][0-9]|[0-9])(?=分(?!钟))", re.ASCII)
_RATIO = re.compile(
    rf"{_START}(?P<a>[0-9]+(?:\.[0-9]+)?):(?P<b>[0-9]+(?:\.[0-9]+)?)(?::(?P<c>[0-9]+))?(?![\w:])",
    re.ASCII,
)
_RATIO_WORD = re.compile(
    r"比分|比例|比率|赔率|获胜|取胜|战胜|击败|不敌|胜|负于|领先|落后|战平|配比|混合|兑"
)
_HALF_WORD = re.compile(r"(?:上午|下午|早上|晚上|凌晨|中午|傍晚)\s?$")


def _half(match: Match) -> str:
    half = match["half"]
    if not half or int(match["hour"]) > 12 or _HALF_WORD.search(before(match)):
        return ""
    return "上午" if half in "aA" else "下午"


def _hour(digits: str) -> str:
    return "两点" if int(digits) == 2 else f"{numbers.cardinal(digits)}点"


def _minute(digits: str) -> str:
    return ("零" if digits[0] == "0" and digits != "00" else "") + numbers.cardinal(digits)


def _read_clock(match: Match) -> str | None:
    hour, minute, second = match["hour"], match["minute"], match["second"]
    if int(minute) > 59 or int(hour) > 24 or (not second and _is_ratio(match)):
        return None
    words = _half(match) + _hour(hour)
    if second:
        return f"{words}{_minute(minute)}分{_minute(second)}秒"
    return words if minute == "00" else f"{words}{_minute(minute)}分"


def _is_ratio(match: Match) -> bool:
    near = before(match, 8) + " " + after(match, 6)
    is_time = match["half"] or re.search(r"[早晚午时点]", before(match, 3))
    return bool(_RATIO_WORD.search(near) and not is_time)


def _read_hour(match: Match) -> str:
    return _half(match) + _hour(match["hour"])


def _read_minutes(match: Match) -> str:
    return _minute(match["minute"])


def _read_ratio(match: Match) -> str:
    sides = [side for side in match.group("a", "b", "c") if side]
    return "比".join(numbers.number(parse_numeral(side)) for side in sides)


RULES = (
    Rule("time", _CLOCK, _read_clock),
    Rule("time", _HOUR, _read_hour),
    Rule("time", _MINUTES, _read_minutes),
    Rule("ratio", _RATIO, _read_ratio),
)
