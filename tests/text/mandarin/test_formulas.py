"""Formulas and powers in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("9-4=5", "九减四等于五"),
        ("约2e6", "约二乘以十的六次方"),
        ("2×3=6", "二乘以三等于六"),
        ("1+1>2", "一加一大于二"),
        ("x²=9，2y+1=5", "x的平方等于九，二y加一等于五"),
        ("10⁶", "十的六次方"),
        ("3×5", "三乘五"),
    ],
)
def test_formulas_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words
