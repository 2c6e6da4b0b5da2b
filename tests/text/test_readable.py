import pytest

from podtts.text.languages import Language
from podtts.text.readable import spell, unreadable


@pytest.mark.parametrize(
    ("text", "suspects"),
    [
        ("Plain “words” — naïve, 日本語，（好）。", ""),
        ("e\u0301 कि", ""),  # combining marks are parts of letters
        ("5% of 5", "5%"),
        ("x² ½ ①", "²½①"),
        ("\u0663", "\u0663"),
        ("a_b|c ★ 😀", "_|★😀"),
    ],
)
def test_digits_and_signs_are_found(text: str, suspects: str) -> None:
    assert unreadable(text) == suspects


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("A-50%", "en", "A dash five zero percent"),
        ("A5%", "zh", "A五百分号"),
        ("x²★", "en", "x two"),
        ("\u0663", "en", "three"),
    ],
)
def test_texts_are_spelled(text: str, language: Language, words: str) -> None:
    assert spell(text, language) == words
    assert not unreadable(words)
