"""Times and ratios in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("下午2点", "下午两点"),
        ("6:45", "六点四十五分"),
        ("12:00", "十二点"),
        ("2:05", "两点零五分"),
        ("9:30-11:00", "九点三十分到十一点"),
        ("7:20 pm", "下午七点二十分"),
        ("8:15:30", "八点十五分三十秒"),
        ("3点05分", "三点零五分"),
    ],
)
def test_times_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("比例3:7", "比例三比七"),
        ("比分88:79", "比分八十八比七十九"),
        ("16:9", "十六比九"),
    ],
)
def test_ratios_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words
