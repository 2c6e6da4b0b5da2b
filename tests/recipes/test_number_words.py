import pytest
from recipes.mini.number_words import number_words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (205, "two hundred five"),
        (1_000, "one thousand"),
        (12_345, "twelve thousand three hundred forty-five"),
        (2_000_001, "two million one"),
    ],
)
def test_a_number_is_spelled_out_in_groups(number: int, words: str) -> None:
    assert number_words(number) == words
