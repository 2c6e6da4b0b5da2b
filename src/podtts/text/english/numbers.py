"""English number words."""

import re

from podtts.text.numerals import Numeral

_BELOW_TWENTY = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = (
    "", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion",
    "septillion", "octillion", "nonillion", "decillion",
)  # fmt: skip
_LONGEST = 3 * len(_SCALES)  # digits; a longer number is read digit by digit
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def cardinal(digits: str) -> str:
    """1234 -> one thousand two hundred and thirty four"""
    digits = digits.lstrip("0")
    if not digits:
        return "zero"
    if len(digits) > _LONGEST:
        return spelled(digits)
    groups = re.findall("...", digits.zfill(-(-len(digits) // 3) * 3))
    words = []
    for scale, group in zip(reversed(_SCALES[: len(groups)]), map(int, groups), strict=True):
        if not scale and len(groups) > 1 and 0 < group < 100:
            words.append("and")  # one thousand and five
        if group:
            words += [_below_thousand(group, last=not scale), scale]
    return " ".join(filter(None, words))


def _below_thousand(number: int, *, last: bool) -> str:
    hundreds, rest = divmod(number, 100)
    words = [_BELOW_TWENTY[hundreds], "hundred"] if hundreds else []
    if hundreds and rest and last:
        words.append("and")
    return " ".join([*words, _below_hundred(rest)] if rest else words)


def _below_hundred(number: int) -> str:
    if number < 20:
        return _BELOW_TWENTY[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens]} {_BELOW_TWENTY[ones]}" if ones else _TENS[tens]


def ordinal(digits: str) -> str:
    """21 -> twenty first"""
    head, _, last = cardinal(digits).rpartition(" ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return f"{head} {last}".strip()


def spelled(digits: str) -> str:
    """305 -> three zero five"""
    return " ".join(_BELOW_TWENTY[int(digit)] for digit in digits)


def year(digits: str) -> str:
    """1995 -> nineteen ninety five, 2005 -> two thousand five, 79 -> seventy nine"""
    if not 3 <= len(digits) <= 4 or digits[0] == "0":
        return cardinal(digits)
    century, rest = digits[:-2], digits[-2:]
    if century.endswith("0") and rest[0] == "0":
        return cardinal(digits).replace(" and ", " ")
    if rest == "00":
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest[0] == '0' else ''}{cardinal(rest)}"


def short_year(digits: str) -> str:
    """98 -> ninety eight, 05 -> zero five, 2024 -> twenty twenty four"""
    return spelled(digits) if len(digits) == 2 and digits[0] == "0" else year(digits)


def pairs(digits: str) -> str:
    """Read the number of a house or a room: 12 -> twelve, 1428 -> fourteen twenty eight"""
    if digits[0] == "0" or len(digits) > 4:
        return spelled(digits)
    century, rest = digits[:-2], digits[-2:]
    if not century or (rest == "00" and century.endswith("0")):
        return cardinal(digits)
    if rest == "00":
        return f"{cardinal(century)} hundred"
    return spelled(digits) if rest[0] == "0" else f"{cardinal(century)} {cardinal(rest)}"


def plural(word: str) -> str:
    """third -> thirds, sixty -> sixties"""
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def number(numeral: Numeral) -> str:
    """1,234.05 -> one thousand two hundred and thirty four point zero five"""
    if numeral.fraction:
        whole = f"{cardinal(numeral.whole)} " if numeral.whole else ""
        return f"{whole}point {spelled(numeral.fraction)}"
    is_code = len(numeral.whole) > 1 and numeral.whole[0] == "0"
    return spelled(numeral.whole) if is_code else cardinal(numeral.whole)


def fraction(above: str, below: str) -> str:
    """3, 4 -> three quarters"""
    is_one = int(above) == 1
    if int(below) < 2:
        return f"{cardinal(above)} over {cardinal(below)}"
    if int(below) == 2:
        return f"{cardinal(above)} {'half' if is_one else 'halves'}"
    part = "quarter" if int(below) == 4 else ordinal(below)
    return f"{cardinal(above)} {part if is_one else plural(part)}"
