"""Feet and inches, whose signs are also quotation marks."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("He is 6'1\" tall.", "He is six foot one tall."),
        ('a 10" cake', "a ten inch cake"),
        ("12in wide", "twelve inches wide"),
        ("It is 6 ft 3 in.", "It is six feet three inches."),
        ("3 in. nails", "three inches nails"),
        ("a 3-in pipe", "a three inch pipe"),
        ("It is 7' high.", "It is seven feet high."),
    ],
)
def test_feet_and_inches_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('He said "9" and "10".', 'He said "nine" and "ten".'),
        ("the '5' key", "the 'five' key"),
        ("5 in the morning", "five in the morning"),
    ],
)
def test_quotation_marks_stay(written: str, words: str) -> None:
    assert english(written) == words
