"""Formulas and powers in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("8-5=3", "eight minus five equals three"),
        ("6 × 7 = 42", "six times seven equals forty two"),
        ("a = 2b + 4", "a equals two b plus four"),
        ("9 ÷ 3", "nine divided by three"),
        ("x² ≥ -1", "x squared is greater than or equal to minus one"),
        ("2^8 = 256", "two to the power of eight equals two hundred and fifty six"),
        ("4e9", "four times ten to the power of nine"),
    ],
)
def test_formulas_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("10⁶ and mc²", "ten to the power of six and mc squared"),
        ("as was shown² before", "as was shown before"),
        ("CO₂", "CO two"),
    ],
)
def test_powers_and_foot_marks_are_told_apart(written: str, words: str) -> None:
    assert english(written) == words
