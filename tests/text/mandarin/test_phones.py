"""Telephone and card numbers in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("13512345678", "幺三五幺二三四五六七八"),
        ("135-1234-5678", "幺三五 幺二三四 五六七八"),
        ("+86 135 1234 5678", "加八六 幺三五 幺二三四 五六七八"),
        ("(021)12345678", "零二一 一二三四五六七八"),
        ("021-1234567", "零二一 一二三四五六七"),
        ("400-810-1234", "四零零 八幺零 幺二三四"),
        ("10.0.0.7", "一零点零点零点七"),
    ],
)
def test_numbers_are_read_digit_by_digit(written: str, words: str) -> None:
    assert mandarin(written) == words
