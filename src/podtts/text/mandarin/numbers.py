"""Number words of Mandarin."""

from podtts.text.numerals import Numeral

_DIGITS = "零一二三四五六七八九"
_LONGEST = 16  # digits; a longer number is read digit by digit


def cardinal(digits: str) -> str:
    """10203 -> 一万零二百零三, 2000 -> 两千, 200 -> 两百"""
    digits = digits.lstrip("0")
    if not digits:
        return "零"
    if len(digits) > _LONGEST:
        return spelled(digits)
    if len(digits) > 8:
        return _two_parts(digits[:-8], "亿", digits[-8:])
    if len(digits) > 4:
        return _two_parts(digits[:-4], "万", digits[-4:])
    return "两百" if digits == "200" else _below_ten_thousand(digits)


def _two_parts(high: str, unit: str, low: str) -> str:
    """Join what counts ten thousands, or hundreds of millions, and the rest of a number."""
    words = ("两" if high == "2" else cardinal(high)) + unit
    rest = low.lstrip("0")
    if not rest:
        return words
    # Inside a number 10 is 一十, but before 万 it is 十.
    words += "零" if low[0] == "0" else ""
    return words + (cardinal(rest) if len(rest) > 4 else _below_ten_thousand(rest, inside=True))


def _below_ten_thousand(digits: str, *, inside: bool = False) -> str:
    words, skipped = "", False
    for place, digit in zip(reversed(range(len(digits))), digits, strict=True):
        if digit == "0":
            skipped = bool(words)
            continue
        if skipped:
            words += "零"
            skipped = False
        if digit == "1" and place == 1 and not words and not inside:
            words += "十"
        else:
            name = "两" if digit == "2" and place == 3 else _DIGITS[int(digit)]
            words += name + ("", "十", "百", "千")[place]
    return words


def spelled(digits: str, one: str = "一") -> str:
    """305 -> 三零五; `one` is 幺 in numbers that are dialled"""
    return "".join(one if digit == "1" else _DIGITS[int(digit)] for digit in digits)


def number(numeral: Numeral) -> str:
    """1,234.05 -> 一千二百三十四点零五"""
    if numeral.fraction:
        return f"{cardinal(numeral.whole)}点{spelled(numeral.fraction)}"
    is_code = len(numeral.whole) > 1 and numeral.whole[0] == "0"
    return spelled(numeral.whole) if is_code else cardinal(numeral.whole)


def fraction(above: str, below: str) -> str:
    """3, 4 -> 四分之三"""
    return f"{cardinal(below)}分之{cardinal(above)}"
