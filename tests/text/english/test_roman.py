"""Roman numerals in English."""

import pytest
from support.reading import english


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Part IX of Volume III", "Part nine of Volume three"),
        ("World War I ended.", "World War one ended."),
        ("Rocky IV", "Rocky four"),
        ("chapters V-VII", "chapters five to seven"),
        ("Wars I and II", "Wars one and two"),
        ("Queen Elizabeth II", "Queen Elizabeth the second"),
        ("George V, Louis XVI", "George the fifth, Louis the sixteenth"),
        ("Seneca VII's wife", "Seneca the seventh's wife"),
        ("the XIX century", "the nineteenth century"),
        ("MCMXCIV", "nineteen ninety four"),
        ("vol. II, ch. IX", "volume two, chapter nine"),
        ("act ii, scene iv", "act two, scene four"),
        ("see pp. x and xii", "see pages ten and twelve"),
    ],
)
def test_a_word_or_a_name_asks_for_a_number(written: str, words: str) -> None:
    assert english(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("I came, and so did Anna. I won.", "I came, and so did Anna. I won."),
        ("the CD, the MIX and an IV drip", "the CD, the MIX and an IV drip"),
        ("Malcolm X had a DVD.", "Malcolm X had a DVD."),
        ("the part I like", "the part I like"),
        ("Appendix C and Section D", "Appendix C and Section D"),
        ("a mix of i and v, a civil vi", "a mix of i and v, a civil vi"),
        ("Henry and I left. James I think so.", "Henry and I left. James I think so."),
    ],
)
def test_other_capitals_stay(written: str, words: str) -> None:
    assert english(written) == words
