"""Which language each stretch of a text is in, told by its characters.

A stretch is a sentence with the white space behind it. Stretches put together are the text.
"""

import re
from dataclasses import dataclass
from typing import Literal

from podtts.text.length import expected_seconds
from podtts.text.tags import TAG

Language = Literal["en", "zh"]

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN = re.compile(rf"[{HAN}]")
# A word that touches a digit is a unit or a name, not a sign of English: 5kg, A380.
_LATIN = r"A-Za-z\u00c0-\u024f"
_LATIN_WORD = re.compile(rf"(?<![0-9{_LATIN}])[{_LATIN}]+(?![0-9{_LATIN}])")

# A sentence ends behind its last mark and the closing quotes and brackets around it.
_CLOSERS = r"[\"'”’」』）)\]》]*"
_END = re.compile(
    rf"(?<![。！？…])(?:[。！？]+|……){_CLOSERS}\s*"
    rf"|(?<![.!?…])[.!?…]+{_CLOSERS}(?:\s+(?=[\"'“‘(\[]*[^\W_a-z]|<\|)|\s*$|(?=[{HAN}]))"
)
_ABBREVIATED = re.compile(
    r"(?<!\w)(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|No|vs|etc|approx|Inc|Ltd|Co|Fig|Vol|Mt|Gen|Sen|Rep|Capt"
    r"|[A-Za-z]|e\.g|i\.e|[ap]\.m)\.$"
)
_LONGEST_ABBREVIATION = 8  # with its dot and the character before it


@dataclass(frozen=True)
class Stretch:
    """A sentence of a text and the language it is to be read in."""

    text: str
    language: Language


def stretches(text: str) -> list[Stretch]:
    """Return the sentences of a text, each with its language.

    Chinese has more Chinese characters than the sentence has words of Latin letters; a sentence
    without either is read as the one before it, at the beginning as the first that has some.
    """
    sentences = split_sentences(text)
    told = [_language(sentence) for sentence in sentences]
    language: Language = next((one for one in told if one), "en")
    found = []
    for sentence, one in zip(sentences, told, strict=True):
        language = one or language
        found.append(Stretch(sentence, language))
    return found


def main_language(text: str) -> Language:
    """The language that most of a text is in, by how long its sentences take to say."""
    seconds: dict[Language, float] = {"en": 0.0, "zh": 0.0}
    for stretch in stretches(text):
        seconds[stretch.language] += expected_seconds(stretch.text)
    return "zh" if seconds["zh"] > seconds["en"] else "en"


def split_sentences(text: str) -> list[str]:
    """Cut a text behind the end of each sentence; never at the dot of a number or abbreviation."""
    sentences, start = [], 0
    for end in _END.finditer(text):
        dot = end.start() + 1
        last = text[max(start, dot - _LONGEST_ABBREVIATION) : dot]
        if end.end() < len(text) and not _ABBREVIATED.search(last):
            sentences.append(text[start : end.end()])
            start = end.end()
    return [*sentences, text[start:]]


def has_han(text: str) -> bool:
    """Whether a text holds Chinese characters."""
    return _HAN.search(text) is not None


def _language(text: str) -> Language | None:
    text = TAG.sub(" ", text)
    chinese, words = len(_HAN.findall(text)), len(_LATIN_WORD.findall(text))
    if not chinese and not words:
        return None
    return "zh" if chinese > words else "en"
