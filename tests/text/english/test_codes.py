"""Versions and codes in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("PIN 7310", "PIN seven three one zero"),
        ("my ZIP is 10003", "my ZIP is one zero zero zero three"),
        ("the code is 4456", "the code is four four five six"),
        ("a card ending in 9021", "a card ending in nine zero two one"),
        ("flight 1876", "flight one eight seven six"),
        ("room 1214", "room twelve fourteen"),
        ("order number 88120", "order number eight eight one two zero"),
        ("error 404", "error four zero four"),
        ("number 640", "number six hundred and forty"),
        ("007", "zero zero seven"),
    ],
)
def test_the_word_before_tells_how_a_number_is_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("version 3.14", "version three point fourteen"),
        ("v1.2 and 4.5.6", "v one point two and four point five point six"),
        ("Python 3.10", "Python three point ten"),
        ("2.0rc1", "two point zero rc one"),
        ("We use v3.0-beta.", "We use v three point zero beta."),
    ],
)
def test_versions_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("B787 and A320", "B seven eighty seven and A three twenty"),
        ("F-35", "F-thirty five"),
        ("It seats 5K people.", "It seats five thousand people."),
        ("exit 9B, row 4K, Table 7M", "exit nine B, row four K, Table seven M"),
        ("Model X-200S", "Model X-two hundred S"),
        ("AB-4821", "AB-four eight two one"),
        ("RTX 3080", "RTX thirty eighty"),
        ("COVID-19", "COVID-nineteen"),
        ("720p and 1080p", "seven twenty p and ten eighty p"),
        ("MP4, G7 and 5G", "MP four, G seven and five G"),
        ("C++ and C#", "C plus plus and C sharp"),
        ("P2P or B2C", "P to P or B to C"),
        ("H2O", "H two O"),
        ("in FY2021", "in FY twenty twenty one"),
        ("room 5B, flat #7C", "room five B, flat number seven C"),
        ("a 403(b) plan", "a four oh three b plan"),
    ],
)
def test_letters_with_digits_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("open 24/7", "open twenty four seven"),
        ("9/11", "nine eleven"),
        ("a 50/50 chance", "a fifty fifty chance"),
    ],
)
def test_idioms_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("ISO 9001:2015", "ISO nine thousand and one, twenty fifteen"),
        ("ISO/IEC 27001", "ISO IEC twenty seven thousand and one"),
        ("RFC 8446", "RFC eighty four forty six"),
        ("EN ISO 6946-2:2017", "EN ISO sixty nine forty six part two, twenty seventeen"),
    ],
)
def test_standards_are_read_with_part_and_year(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize("before", ["ZIP ", "Springfield, IL ", "write to "])
def test_zip_codes_of_streets_are_read_digit_by_digit(before: str) -> None:
    words = english(f"{before}10003-4821")
    assert words.endswith("one zero zero zero three, four eight two one")
