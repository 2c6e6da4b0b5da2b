"""Single signs in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("salt & pepper, Q&A", "salt and pepper, Q and A"),
        ("§7, §§ 2 and 3", "section seven, sections two and three"),
        ("© 2021 Hill", "copyright twenty twenty one Hill"),
        ("tea/coffee", "tea slash coffee"),
        ("60 words/min, 3/day", "sixty words per minute, three per day"),
        ("a B- and an A-.", "a B minus and an A minus."),
        ("9%/-2%", "nine percent slash minus two percent"),
        ("and/or, he/she", "and or, he or she"),
        ("north → south", "north to south"),
        ("in km/h", "in kilometers per hour"),
        ("π and α", "pi and alpha"),
        ("50 % of $", "fifty percent of dollar"),
    ],
)
def test_signs_are_read(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Great 🎉 show 👍🏽!", "Great show!"),
        ("Yes :-) really", "Yes really"),
        ("*very* **good** `code`", "very good code"),
        ("my_file_name", "my file name"),
    ],
)
def test_what_has_no_words_is_left_out(written: str, words: str) -> None:
    assert english(written) == words
