"""Numbers without a unit in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("17 cats, 1,205 dogs", "seventeen cats, one thousand two hundred and five dogs"),
        ("0.75 or .5", "zero point seven five or point five"),
        ("1 500 000 more", "one million five hundred thousand more"),
        ("9'400 francs", "nine thousand four hundred francs"),
        (
            "2.480,75 and 3.000",
            "two thousand four hundred and eighty point seven five and three thousand",
        ),
        ("12,34,567", "one million two hundred thirty four thousand five hundred and sixty seven"),
        ("1,2,3", "one, two, three"),
        ("100s of cats, 1,000s of dogs", "hundreds of cats, thousands of dogs"),
    ],
)
def test_numbers_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("the 22nd of them, 1st-class", "the twenty second of them, first-class"),
        ("2nd-3rd", "second to third"),
        ("the 1,000th", "the one thousandth"),
    ],
)
def test_ordinals_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("3/5 of it", "three fifths of it"),
        ("1 1/2 cups", "one and a half cups"),
        ("⅔ and 4¾", "two thirds and four and three quarters"),
        ("4/5 stars", "four out of five stars"),
        ("She got 1/2 of it in 1/100.", "She got one half of it in one one hundredth."),
        ("He got 3/5 of them and 2/3.", "He got three fifths of them and two thirds."),
        (
            "I scored 7/10, she got 88/100.",
            "I scored seven out of ten, she got eighty eight out of one hundred.",
        ),
        ("10/10", "ten out of ten"),
        ("BP 120/80", "BP one hundred and twenty over eighty"),
        ("3.6/4.0", "three point six out of four point zero"),
    ],
)
def test_fractions_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("3x5 cards", "three by five cards"),
        ("2 × 4 m", "two by four meters"),
        ("7 * 8", "seven times eight"),
        ("20x", "twenty x"),
    ],
)
def test_dimensions_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("8-9 cats", "eight to nine cats"),
        ("8 - 9 cats", "eight to nine cats"),
        ("won 88-79", "won eighty eight to seventy nine"),
    ],
)
def test_ranges_are_read(written: str, words: str) -> None:
    assert english(written) == words
