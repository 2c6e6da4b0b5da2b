"""Addresses of houses in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("He lives at 1640 Oak Ave.", "He lives at sixteen forty Oak Avenue."),
        ("221B Baker St., London", "two twenty one B Baker Street, London"),
        (
            "35 W 4th St, Reno, NV 89501",
            "thirty five West fourth Street, Reno, Nevada eight nine five zero one",
        ),
        ("She moved to Austin, TX.", "She moved to Austin, Texas."),
        ("on 5th Ave and 42nd St", "on fifth Avenue and forty second Street"),
        ("Turn left on Elm Dr.", "Turn left on Elm Drive."),
        ("near Pine St and St. Paul's", "near Pine Street and Saint Paul's"),
        ("at Mercy Dr. Hill waits.", "at Mercy Doctor Hill waits."),
    ],
)
def test_addresses_of_houses_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("the 2 TB drive", "the two terabyte drive"),
        ("fine, OK, hi", "fine, OK, hi"),
    ],
)
def test_other_words_stay(written: str, words: str) -> None:
    assert english(written) == words
