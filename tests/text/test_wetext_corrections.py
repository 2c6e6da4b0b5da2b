"""The rewritten expressions; their words are in test_verbalize.py."""

import pytest

from podtts.text.wetext_corrections import correct_chinese, correct_english


@pytest.mark.parametrize(
    ("expression", "corrected"),
    [
        ("May 3", "May 3rd"),
        ("May 12", "May 12th"),
        ("3 May", "3rd of May"),
        ("2020-2024", "2020 to 2024"),
        ("555-1234", "5 5 5, 1 2 3 4"),
        ("5 m", "5 meters"),
        ("2.3.1", "2 point 3 point 1"),
        ("$12.50", "$12.50"),
    ],
)
def test_english_expressions_are_rewritten(expression: str, corrected: str) -> None:
    assert correct_english(expression) == corrected


@pytest.mark.parametrize(
    ("expression", "corrected"),
    [
        ("1,234,567人", "1234567人"),
        ("GPT-4", "GPT 4"),
        ("1-2个", "1到2个"),
        ("5.5GWh", "5.5吉瓦时"),
        ("3月4日", "3月4日"),
    ],
)
def test_chinese_expressions_are_rewritten(expression: str, corrected: str) -> None:
    assert correct_chinese(expression) == corrected
