"""Numbers in digits, with the separators of all countries.

    1,234.5   12,34,567   English and Indian
    1.234,5   1.234.567   much of Europe and South America
    1 234,5   12'345      the international notation, and the Swiss
    .5  0,75  007

A single group such as `1.500` has two meanings. It is a decimal, as in English, unless another
number in the same sentence can only be read the other way.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_GROUPED = (
    r"[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3}(?:\.[0-9]+)?(?![0-9]|,[0-9]{3}(?![0-9]))"  # 1,234.5
    r"|[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+(?![0-9])"  # 1.234,5
    r"|[0-9]{1,3}(?:\.[0-9]{3}){2,}(?![0-9]|\.[0-9])"  # 1.234.567
    r"|[0-9]{1,3}(?: [0-9]{3})+(?:[.,][0-9]+)?(?![0-9]| [0-9]{3}(?![0-9]))"  # 1 234,5
    r"|[0-9]{1,3}(?:['’][0-9]{3})+(?:[.,][0-9]+)?(?![0-9])"  # 12'345
)
_PLAIN = (
    r"[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})(?![0-9]|,[0-9])"  # 0,75
    r"|[0-9]*\.[0-9]+(?![0-9]|\.[0-9])"  # 0.75
    r"|[0-9]+"
)
# Not in the middle of a longer number.
NUMERAL = rf"(?:(?<![0-9])(?<![0-9][.,'’])(?:{_GROUPED}|{_PLAIN}))"
_GROUPS = re.compile(_GROUPED)
_EUROPEAN = re.compile(
    r"(?<![0-9.,])[0-9]{1,3}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})(?![0-9.]?[0-9])"
)
_ONE_GROUP = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_AMBIGUOUS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]00")

VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5",
    "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅐": "1/7", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
    "⅑": "1/9", "⅒": "1/10",
}  # fmt: skip
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


@dataclass(frozen=True)
class Numeral:
    """The digits of a number, without its separators."""

    whole: str  # "" for .5
    fraction: str = ""  # after the decimal separator

    @property
    def is_one(self) -> bool:
        """Whether it is 1, written without decimals: 1 meter, but 1.0 meters."""
        return self.whole.lstrip("0") == "1" and not self.fraction


def parse_numeral(text: str, sentence: str = "") -> Numeral:
    """Return the number that a text which matches NUMERAL stands for, in its sentence."""
    if _ONE_GROUP.fullmatch(text) and is_european(sentence):
        return Numeral(text.replace(".", ""))
    if _GROUPS.fullmatch(text):
        separators = re.sub("[0-9]", "", text)
        # The last separator is the decimal one when it differs from the first.
        decimal = separators[-1] if separators[-1] != separators[0] else ""
        whole, _, fraction = text.rpartition(decimal) if decimal else (text, "", "")
        return Numeral(re.sub("[^0-9]", "", whole), fraction)
    whole, _, fraction = text.replace(",", ".").partition(".")
    return Numeral(whole, fraction)


@lru_cache(maxsize=64)
def is_european(sentence: str) -> bool:
    """Whether a sentence has a number that can only be in European notation: 1.234,56."""
    return any(not _is_address(number[0]) for number in _EUROPEAN.finditer(sentence))


def is_ambiguous(text: str) -> bool:
    """Whether a decimal may have been meant as thousands: 1.500."""
    return _AMBIGUOUS.fullmatch(text) is not None


def _is_address(number: str) -> bool:
    """Whether a number can be an internet address: 192.168.100.101."""
    parts = number.split(".")
    return len(parts) == 4 and all(
        part.isdecimal() and int(part) < 256 and part[0] != "0" for part in parts
    )
