"""Telephone, card and other numbers in groups."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Call 212-555-0187.", "Call two one two, five five five, zero one eight seven."),
        ("(212) 555-0187", "two one two, five five five, zero one eight seven"),
        ("+49 30 901820", "plus four nine, three zero, nine zero one eight two zero"),
        ("020 7946 0321", "zero two zero, seven nine four six, zero three two one"),
        ("555-0187", "five five five, zero one eight seven"),
        ("1-888-555-0187", "one, eight eight eight, five five five, zero one eight seven"),
        ("1-800-BOOKS-4U", "one, eight hundred, BOOKS four, U"),
        (
            "4111 1111 1111 1111",
            "four one one one, one one one one, one one one one, one one one one",
        ),
        (
            "ISBN 978-0-306-40615-7",
            "ISBN nine seven eight, zero, three zero six, four zero six one five, seven",
        ),
        (
            "212-555-0187 ext. 44",
            "two one two, five five five, zero one eight seven extension four four",
        ),
        ("2125550187", "two one two, five five five, zero one eight seven"),
    ],
)
def test_groups_are_read_digit_by_digit(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("10.0.0.7", "one zero dot zero dot zero dot seven"),
        ("0A:1B:2C:3D:4E:5F", "zero A one B two C three D four E five F"),
    ],
)
def test_addresses_of_machines_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Dial 911!", "Dial nine one one!"),
        ("call 112", "call one one two"),
        ("Dial *73 or #21#.", "Dial star seven three or hash two one hash."),
        ("112 pages", "one hundred and twelve pages"),
        ("911 people", "nine hundred and eleven people"),
        ("a Porsche 911", "a Porsche nine eleven"),
    ],
)
def test_emergency_numbers_are_read_digit_by_digit(written: str, words: str) -> None:
    assert english(written) == words
