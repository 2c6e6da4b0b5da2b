"""Years, decades, eras and quarters in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            "in 1848, 1905 and 2007",
            "in eighteen forty eight, nineteen oh five and two thousand seven",
        ),
        ("by 2035", "by twenty thirty five"),
        ("in 1900 and 2000", "in nineteen hundred and two thousand"),
        ("in 1085", "in ten eighty five"),
    ],
)
def test_years_are_read_in_pairs(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("1850 people", "one thousand eight hundred and fifty people"),
        ("about 1850", "about one thousand eight hundred and fifty"),
        ("1990-2000 kg", "one thousand nine hundred and ninety to two thousand kilograms"),
    ],
)
def test_what_is_counted_is_no_year(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("1914-1918", "nineteen fourteen to nineteen eighteen"),
        ("between 1939–1945", "between nineteen thirty nine and nineteen forty five"),
        ("1986-92", "nineteen eighty six to ninety two"),
        ("the 2021/22 season", "the twenty twenty one twenty two season"),
    ],
)
def test_ranges_of_years_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("the 1970s", "the nineteen seventies"),
        ("the '60s and 90s", "the sixties and nineties"),
        ("the mid-1850s", "the mid-eighteen fifties"),
        ("the 1950s-60s", "the nineteen fifties to sixties"),
        ("the 1900s", "the nineteen hundreds"),
    ],
)
def test_decades_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("in 323 BC", "in three twenty three BC"),
        ("AD 410", "AD four ten"),
        ("from 753 B.C. on", "from seven fifty three BC on"),
    ],
)
def test_eras_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("in Q3 2022", "in the third quarter of twenty twenty two"),
        ("the 4Q21 report", "the fourth quarter of twenty one report"),
        ("H2 2020", "the second half of twenty twenty"),
        ("in Q1", "in Q one"),
    ],
)
def test_quarters_are_read(written: str, words: str) -> None:
    assert english(written) == words
