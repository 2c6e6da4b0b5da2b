"""Splits a text into sentences and detects the language of each by its characters.

A sentence includes the white space after it, so the joined sentences are the text.
"""

import re
from dataclasses import dataclass
from typing import Literal

from podtts.text.length import expected_seconds
from podtts.text.tags import TAG

Language = Literal["en", "zh"]

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN = re.compile(rf"[{HAN}]")
# A word next to a digit is a unit or a name, no evidence of English: 5kg, A380.
_LATIN = r"A-Za-z\u00c0-\u024f"
_LONG_WORD = re.compile(rf"[{_LATIN}]{{2}}")
_CHINESE_PUNCTUATION = re.compile("[，。！？；：、]")
_LATIN_WORD = re.compile(rf"(?<![0-9{_LATIN}])[{_LATIN}]+(?![0-9{_LATIN}])")

# A sentence ends after its last punctuation mark and the closing quotes and brackets after that.
_CLOSERS = r"[\"'”’」』）)\]》]*"
_END = re.compile(
    rf"(?<![。！？…])(?:[。！？]+|……){_CLOSERS}\s*"
    rf"|(?<![.!?…])[.!?…]+{_CLOSERS}(?:\s+(?=[\"'“‘(\[]*[^\W_a-z]|<\|)|\s*$|(?=[{HAN}]))"
)
_ABBREVIATED = re.compile(
    r"(?<!\w)(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|No|vs|etc|approx|Inc|Ltd|Co|Fig|Vol|Mt|Gen|Sen|Rep|Capt"
    r"|Lt|Col|Sgt|Gov|Rev|Hon|Ft|pp|cf|al|(?i:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
    r"|[A-Za-z]|e\.g|i\.e|[ap]\.m)\.$"
)
# These are abbreviations only before a number: vol. 2.
_BEFORE_NUMBER = re.compile(
    r"(?<!\w)(?:vol|ch|figs?|pp?|sec|eq|pt|ext|apt|rm|ca|c|tel|para|ver|nos?|nr|rs|rte?"
    r"|hwy|temp|max|min)\.$",
    re.IGNORECASE,
)
# English words in quotation marks, not a name such as iPhone 15 Pro.
_QUOTED = re.compile(rf"(?<=[“\"「『])[^{HAN}“”\"「」『』]+(?=[”\"」』])")
_COMMON_WORD = re.compile(r"(?<![A-Za-z])[a-z]{2,}(?![A-Za-z])")
_LONGEST_ABBREVIATION = 8  # with its dot and the character before it


@dataclass(frozen=True)
class Sentence:
    """A sentence of a text and its language."""

    text: str
    language: Language


def split_by_language(text: str) -> list[Sentence]:
    """Return the sentences of a text, each with its language.

    A sentence is Chinese when it has more Chinese characters and punctuation marks than words of
    Latin letters; English words that it quotes are apart. A sentence that has neither gets the
    language of the sentence before it, or of the first sentence that has any.
    """
    texts = split_sentences(text)
    detected = [_language(sentence) for sentence in texts]
    current: Language = next((language for language in detected if language), "en")
    sentences: list[Sentence] = []
    for sentence, language in zip(texts, detected, strict=True):
        current = language or current
        sentences += _with_quotations(sentence) if current == "zh" else [Sentence(sentence, "en")]
    return sentences


def _with_quotations(text: str) -> list[Sentence]:
    """Return a Chinese sentence in parts: itself, and the English that it quotes."""
    parts, at = [], 0
    for quoted in _QUOTED.finditer(text):
        if len(_LATIN_WORD.findall(quoted[0])) > 1 and _COMMON_WORD.search(quoted[0]):
            parts += [Sentence(text[at : quoted.start()], "zh"), Sentence(quoted[0], "en")]
            at = quoted.end()
    return [*parts, Sentence(text[at:], "zh")]


def main_language(text: str) -> Language:
    """Return the language of most of a text, by the expected duration of its sentences."""
    seconds: dict[Language, float] = {"en": 0.0, "zh": 0.0}
    for sentence in split_by_language(text):
        seconds[sentence.language] += expected_seconds(sentence.text)
    return "zh" if seconds["zh"] > seconds["en"] else "en"


def split_sentences(text: str) -> list[str]:
    """Split a text after each sentence, but not at the dot of a number or abbreviation."""
    sentences, start = [], 0
    for end in _END.finditer(text):
        dot = end.start() + 1
        last = text[max(start, dot - _LONGEST_ABBREVIATION) : dot]
        before_number = _BEFORE_NUMBER.search(last) and text[end.end() : end.end() + 1].isdigit()
        if end.end() < len(text) and not before_number and not _ABBREVIATED.search(last):
            sentences.append(text[start : end.end()])
            start = end.end()
    return [*sentences, text[start:]]


def has_han(text: str) -> bool:
    """Whether a text contains Chinese characters."""
    return _HAN.search(text) is not None


def _language(text: str) -> Language | None:
    text = TAG.sub(" ", text)
    chinese, words = len(_HAN.findall(text)), len(_LATIN_WORD.findall(text))
    punctuation = len(_CHINESE_PUNCTUATION.findall(text))
    if not chinese and not _LONG_WORD.search(text):
        return "zh" if punctuation else ("en" if words else None)
    return "zh" if chinese and chinese + punctuation > words else "en"
