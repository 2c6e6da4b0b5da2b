"""Dates and weekdays in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("on May 9, 2023", "on May ninth twenty twenty three"),
        ("on Oct. 31st", "on October thirty first"),
        ("9 March 1987", "the ninth of March nineteen eighty seven"),
        ("the 9th of March", "the ninth of March"),
        ("2023-11-05", "November fifth twenty twenty three"),
        ("2023/11/05", "November fifth twenty twenty three"),
        ("11/25/2023", "November twenty fifth twenty twenty three"),
        ("25/11/2023", "the twenty fifth of November twenty twenty three"),
        ("25.11.2023", "the twenty fifth of November twenty twenty three"),
        ("3/9/07", "March ninth zero seven"),
        ("on 10/31, by 4/1", "on October thirty first, by April first"),
        ("Dec-24-2019", "December twenty fourth twenty nineteen"),
        ("in August 1999", "in August nineteen ninety nine"),
        ("since Feb. 2020", "since February twenty twenty"),
    ],
)
def test_dates_are_read_in_all_orders(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("7-9 June", "the seventh to the ninth of June"),
        ("June 7–9", "June seventh to the ninth"),
        ("June 7-July 9", "June seventh to July ninth"),
        ("Jan 2 - Feb 3", "January second to February third"),
        ("Feb.–Apr. 2021", "February to April twenty twenty one"),
    ],
)
def test_ranges_of_dates_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Tue-Sat", "Tuesday to Saturday"),
        ("Mon.–Thurs. only", "Monday to Thursday only"),
        ("Fri, 5 May", "Friday, the fifth of May"),
        ("in the Sun. Then", "in the Sun. Then"),
    ],
)
def test_weekdays_are_read_where_they_are_short(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("You may 5 times.", "You may five times."),
        ("They march 10 miles.", "They march ten miles."),
    ],
)
def test_verbs_stay(written: str, words: str) -> None:
    assert english(written) == words
