"""Which characters a model can read, and how to spell the others.

Letters of all scripts, white space and ordinary punctuation are readable. Digits and signs are not:
their words depend on what they stand for.
"""

import re
import unicodedata

from podtts.text.languages import Language

# For use inside the brackets of a pattern.
PUNCTUATION = (
    r".,!?;:'\"()\[\]\-"
    r"\u00a1\u00ab\u00b7\u00bb\u00bf\u02bc\u2010-\u2015\u2018-\u201f\u2026\u2032\u2033\u2039\u203a"
    r"\u2e2e\u2e3a\u2e3b\u3001-\u3003\u3008-\u3011\u3014-\u301b\u301d-\u301f\u30fb"
    r"\ufe10-\ufe1f\ufe30-\ufe4f"
    r"\uff01\uff02\uff07-\uff0a\uff0c-\uff0e\uff1a\uff1b\uff1f\uff3b\uff3d\uff5e-\uff65"
)
# Superscripts, fractions, circled numbers and Roman numerals: \w matches these as well.
NUMERIC_SIGNS = (
    r"\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209c\u2150-\u218b\u2460-\u249b\u24ea-\u24ff"
    r"\u2776-\u2793"
)
SIGN = rf"[^\w\s{PUNCTUATION}]|_|[{NUMERIC_SIGNS}]|[^\D0-9]"  # and digits of other scripts
_PICTURE = r"\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
EMOJI = rf"[{_PICTURE}][\u200d{_PICTURE}]*"

_SUSPECT = re.compile(rf"[0-9]|{SIGN}")
_PIECE = re.compile(rf"[^\W\d_{NUMERIC_SIGNS}]+|.", re.DOTALL)
_MARKS = frozenset(("Mn", "Mc", "Lm"))  # accents and vowel signs: parts of letters

_DIGITS: dict[Language, str] = {
    "en": "zero one two three four five six seven eight nine",
    "zh": "零 一 二 三 四 五 六 七 八 九",
}
_SIGNS: dict[Language, dict[str, str]] = {
    "en": {
        "%": "percent", "$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "+": "plus",
        "&": "and", "@": "at", "=": "equals", "/": "slash", "#": "hash", "-": "dash",
        ".": "point", ",": "comma", ":": "colon", "°": "degrees",
    },
    "zh": {
        "%": "百分号", "$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "+": "加", "&": "和",
        "@": "at", "=": "等于", "/": "斜杠", "#": "井号", "-": "杠", ".": "点", ",": "逗号",
        ":": "冒号", "°": "度",
    },
}  # fmt: skip


def unreadable(text: str) -> str:
    """Return the digits and signs of a text, each once, in order; "" when it can be read."""
    found = _SUSPECT.findall(text)
    return "".join(dict.fromkeys(character for character in found if not is_mark(character)))


def is_mark(character: str) -> bool:
    """Whether a character is part of a letter, such as a combining accent."""
    return unicodedata.category(character) in _MARKS


def spell(text: str, language: Language) -> str:
    """Return a text with each digit and sign as a word; a sign without a name is left out."""
    words = (_name(piece, language) for piece in _PIECE.findall(text))
    return ("" if language == "zh" else " ").join(filter(None, words))


def _name(piece: str, language: Language) -> str:
    if piece in _SIGNS[language]:
        return _SIGNS[language][piece]
    if len(piece) == 1 and (digit := unicodedata.digit(piece, None)) is not None:
        return _DIGITS[language].split()[int(digit)]
    return "".join(character for character in piece if not unreadable(character)).strip()
