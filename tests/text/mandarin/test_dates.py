"""Dates, years and decades in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("2023年7月9日", "二零二三年七月九日"),
        ("2023-07-09", "二零二三年七月九日"),
        ("2023/7/9", "二零二三年七月九日"),
        ("2023.7.9", "二零二三年七月九日"),
        ("09-07-2023", "二零二三年七月九日"),
        ("2023.07", "二零二三年七月"),
        ("07-09", "七月九日"),
        ("7月9日-12日", "七月九日到十二日"),
        ("5-6月", "五到六月"),
        ("2/14情人节，10.1假期", "二月十四日情人节，十月一日假期"),
        ("12.5平方", "十二点五平方"),
    ],
)
def test_dates_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("1997年，08年，95年", "一九九七年，零八年，九五年"),
        ("20年后，2年，1000年前", "二十年后，两年，一千年前"),
        ("2019-2021年", "二零一九到二零二一年"),
        ("公元前221年", "公元前二二一年"),
        ("2022届，2023/24赛季", "二零二二届，二零二三 二四赛季"),
        ("90后，80年代，1960年代", "九零后，八十年代，一九六零年代"),
    ],
)
def test_years_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("周一-周四", "周一到周四"),
    ],
)
def test_weekdays_are_joined(written: str, words: str) -> None:
    assert mandarin(written) == words
