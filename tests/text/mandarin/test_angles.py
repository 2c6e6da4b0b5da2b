"""Angles and times with primes in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("北纬31°14′", "北纬三十一度十四分"),
        ("东经121°29′18″", "东经一百二十一度二十九分十八秒"),
        ("跑了3′05″", "跑了三分零五秒"),
        ("转90°", "转九十度"),
    ],
)
def test_primes_are_minutes_and_seconds(written: str, words: str) -> None:
    assert mandarin(written) == words
