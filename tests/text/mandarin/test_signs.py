"""Single signs in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("北京→上海", "北京到上海"),
        ("人数≥50", "人数大于等于五十"),
        ("男/女", "男、女"),
        ("重60公斤/120斤", "重六十公斤、一百二十斤"),
        ("R&D", "R和D"),
        ("①好②坏", "一好二坏"),
    ],
)
def test_signs_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("太好了🎉！", "太好了！"),
        ("**重点**", "重点"),
    ],
)
def test_what_has_no_words_is_left_out(written: str, words: str) -> None:
    assert mandarin(written) == words
