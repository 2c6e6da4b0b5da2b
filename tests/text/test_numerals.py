import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.text.numerals import NUMERAL, Numeral, is_ambiguous, is_european, parse_numeral


@pytest.mark.parametrize(
    ("text", "whole", "fraction"),
    [
        ("1,234,567.89", "1234567", "89"),
        ("1.234.567,89", "1234567", "89"),
        ("1 234 567,89", "1234567", "89"),
        ("1'234'567.89", "1234567", "89"),
        ("12,34,567", "1234567", ""),
        ("1.234.567", "1234567", ""),
        ("1,234", "1234", ""),
        ("1.234", "1", "234"),
        ("0,75", "0", "75"),
        (".75", "", "75"),
        ("007", "007", ""),
    ],
)
def test_separators_of_all_countries_are_understood(text: str, whole: str, fraction: str) -> None:
    assert re.fullmatch(NUMERAL, text)
    assert parse_numeral(text) == Numeral(whole, fraction)


@given(st.integers(1000, 10**15), st.sampled_from([",", ".", " ", "'"]))
def test_grouped_numbers_keep_their_digits(number: int, separator: str) -> None:
    text = f"{number:,}".replace(",", separator)
    sentence = text if separator != "." else f"{text} 1.000.000"
    assert parse_numeral(text, sentence) == Numeral(str(number))


@pytest.mark.parametrize(
    ("sentence", "european"),
    [
        ("1.234,5 of 2.000", True),
        ("1.234.567", True),
        ("1.234 and 1,234.5", False),
        ("192.168.100.101", False),
        ("version 1.2.3", False),
    ],
)
def test_a_sentence_shows_its_notation(sentence: str, european: bool) -> None:
    assert is_european(sentence) is european


@pytest.mark.parametrize(
    ("text", "ambiguous"), [("1.500", True), ("12.000", True), ("1.525", False), ("0.500", False)]
)
def test_round_decimals_with_three_places_are_ambiguous(text: str, ambiguous: bool) -> None:
    assert is_ambiguous(text) is ambiguous


def test_one_is_singular_without_decimals() -> None:
    assert parse_numeral("1").is_one
    assert not parse_numeral("1.0").is_one
    assert not parse_numeral("11").is_one
