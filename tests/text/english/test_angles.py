"""Angles in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("40°42′46″ N", "forty degrees forty two minutes forty six seconds north"),
        ("at 40°42'46\"N", "at forty degrees forty two minutes forty six seconds north"),
        ("-1°30'", "minus one degree thirty minutes"),
        ("51.5° N, 0.12° W", "fifty one point five degrees north, zero point one two degrees west"),
        ("turn 90°", "turn ninety degrees"),
        ("the 5'11\" guard", "the five foot eleven guard"),
    ],
)
def test_degrees_make_minutes_and_seconds_of_primes(written: str, words: str) -> None:
    assert english(written) == words
