"""Replaces characters that only look different from those the model was trained on.

To the model, "She’s" with a curly apostrophe is another word, and full-width letters and digits are
other tokens than ordinary ones. Quotation marks and Chinese punctuation stay the same.
"""

import re
import unicodedata

_APOSTROPHES = "\u2018\u2019\u201b\u02bc\u02b9\u00b4`\u2032\uff07"
# Between letters only: elsewhere it may close a quotation.
_INNER_APOSTROPHE = re.compile(rf"(?<=[^\W\d_\u2e80-\uffff])[{_APOSTROPHES}](?=[A-Za-z])")
_SHORTENED = re.compile(rf"(?<!\w)[{_APOSTROPHES}](?=(?:[0-9]0s|tis|twas|em|cause|til)\b)", re.I)
_WIDE_WORD = re.compile(
    "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff04\uff05\uff20\uffe0\uffe1\uffe5]"
)
_WIDE_IN_NUMBER = re.compile("(?<=[0-9])[\uff0e\uff1a\uff0d\uff0f](?=[0-9])")
_WIDE_SIGN = re.compile("[\uff0b\uff0d\uff1d\uff03](?=\\s?[0-9])")
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_ODD_SPACE = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
# Soft hyphens, zero-width spaces, marks of direction, and what follows an emoji.
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\u20e3\ufe00-\ufe0f\ufeff]"
)
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")
_SAME_AS = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2212": "-"})


def plain_characters(text: str) -> str:
    """Return the text with apostrophes, letters, digits and spaces in their plain form."""
    if text.isascii() and "`" not in text:
        return text
    text = _INVISIBLE.sub("", text).translate(_SAME_AS)
    text = _ODD_SPACE.sub(" ", text)
    text = _LIGATURE.sub(_compatible, text)
    text = _FOREIGN_DIGIT.sub(lambda digit: str(unicodedata.digit(digit[0])), text)
    text = _WIDE_WORD.sub(_compatible, text)
    text = _WIDE_IN_NUMBER.sub(_compatible, text)
    text = _WIDE_SIGN.sub(_compatible, text)
    text = _INNER_APOSTROPHE.sub("'", text)
    return _SHORTENED.sub("'", text)


def _compatible(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])
