import pytest

from podtts.ears.comparison import SHORTEST, compare, units_of


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("I have twelve dogs.", "I have 12 dogs"),
        ("It costs twelve dollars and fifty cents.", "It costs $12.50."),
        ("Doctor Smith was born on the third of May.", "Dr. Smith was born on 3 May."),
        ("She’s here, isn't she?", "she's here isnt she"),
        ("A café, naturally!", "A cafe naturally"),
        ("Not any more.", "Not anymore."),
        ("The GPU is a twenty-one inch thing.", "The g p u is a twenty one inch thing"),
        ("Well, um, <|laughter|> I see. Hahaha!", "Well, I see."),
        ("我有十二只狗。", "我有12只狗"),
        ("她慢慢地说，得了。", "他慢慢的说 的了"),
        ("我用 Python 写了三行。", "我用python写了3行"),
    ],
)
def test_the_same_words_differ_in_nothing(text: str, heard: str) -> None:
    assert compare(text, heard).wrong == 0
    assert compare(heard, text).wrong == 0


@pytest.mark.parametrize(
    ("text", "heard", "wrong", "units"),
    [
        ("The cat sat on the mat.", "The cat sat on a mat.", 1, 6),
        ("The cat sat on the mat.", "The cat sat.", 3, 6),
        ("The cat sat on the mat.", "", 6, 6),
        ("The cat sat.", "The cat sat. Thanks for watching!", 3, 3),
        ("今天天气很好。", "今天天汽很好", 1, 6),
        ("We have 12 dogs.", "We have 13 dogs.", 1, 4),
    ],
)
def test_words_that_differ_are_counted(text: str, heard: str, wrong: int, units: int) -> None:
    comparison = compare(text, heard)
    assert (comparison.wrong, comparison.units) == (wrong, units)


def test_the_error_is_the_share_of_words_and_more_than_1_where_much_is_added() -> None:
    assert compare("one two three four five", "one two three four six").error == 0.2
    assert compare("one two three four", "one two three four five six seven eight nine").error > 1


def test_a_wrong_word_of_a_short_text_is_not_half_of_it() -> None:
    assert SHORTEST == 4
    assert compare("Yes, sure.", "Yes, sir.").error == 0.25
    assert compare("Yes, sure.", "No, sir.").error == 0.5


def test_joining_words_never_makes_a_text_worse() -> None:
    assert compare("a way to go away", "a way to go far").wrong == 1


def test_words_are_in_one_form_and_tags_are_none() -> None:
    assert units_of("<|sigh|> It’s 5 o'clock, Ärzte!") == ["its", "five", "oclock", "arzte"]
    assert units_of("她说 OK。") == ["他", "说", "ok"]
    assert units_of("<|laughter|>") == []
