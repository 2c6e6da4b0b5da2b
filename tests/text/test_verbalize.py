"""The promise of the stage: words stay, digits and signs become words, and notes tell the rest."""

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from podtts.text.grammar import Spot
from podtts.text.languages import Language
from podtts.text.readable import unreadable
from podtts.text.verbalize import Verbalized, checked_words, verbalize

LANGUAGES: tuple[Language, ...] = ("en", "zh")
both = pytest.mark.parametrize("language", LANGUAGES)
WORDS = st.text(st.characters(categories=("L", "M", "Z"), include_characters="!?;\"“”'-—…，。！"))


@both
@pytest.mark.parametrize(
    "text",
    [
        "She said: “Fine.” And he -- well, he didn't.",
        "Wait... what?! (Nobody knows.) [laughs]",
        "I met Anna in May; the U.S. team won. A no-go, then.",
        "naïve café, Zürich, Łódź",
        "他说：“你好！”（笑）……好吧。",
        "列奥纳多·达芬奇，《蒙娜丽莎》",
        "日本語のテキスト",
        "",
        " \t\n",
    ],
)
def test_text_of_words_is_unchanged(language: Language, text: str) -> None:
    assert verbalize(text, language) == Verbalized(text)


@both
@given(text=WORDS)
def test_any_text_of_words_is_unchanged(language: Language, text: str) -> None:
    assume(not unreadable(text))
    assume(not re.search("[a-zA-Z\u00b5\u0370-\u03ff]", text))  # these can be abbreviations
    assert verbalize(text, language).text == text


@both
@settings(deadline=None)
@given(
    text=st.text("0129 .,:/-+'\"$%&#()aMIVx@中年第。，<>|\\*~^=²½①°€\u0663😀\u0301", max_size=25)
)
def test_no_digit_and_no_sign_is_left_in_any_text(language: Language, text: str) -> None:
    assert not unreadable(verbalize(text, language).text)


@both
def test_the_text_around_an_expression_is_unchanged(language: Language) -> None:
    spoken = verbalize("a  b —  7\t\n“c”,  d.", language).text
    assert spoken.startswith("a  b —  ")
    assert spoken.endswith("\t\n“c”,  d.")


@both
@pytest.mark.parametrize(
    "unit",
    [
        "9",
        "a",
        "a.",
        "a'",
        "9.",
        "9-",
        "-",
        "9'",
        "9/",
        "9,000,",
        "9 000 ",
        "中9",
        "a@",
        "#",
        "Dr. ",
    ],
)
def test_long_expressions_are_read_in_parts(language: Language, unit: str) -> None:
    spoken = verbalize(unit * 400 + "5", language).text
    assert not unreadable(spoken)
    assert len(spoken) >= 400


def test_what_has_no_words_is_left_out_with_a_note() -> None:
    assert verbalize("Go 🎉 on * now 🎉.", "en") == Verbalized(
        "Go on now.", ("left out, as it has no words: 🎉 *",)
    )
    assert verbalize("好🎉。", "zh") == Verbalized("好。", ("left out, as it has no words: 🎉",))


def test_a_number_with_two_meanings_is_noted() -> None:
    assert verbalize("It has 7.500 pages.", "en") == Verbalized(
        "It has seven point five zero zero pages.",
        ("7.500 is read as a decimal; for thousands write 7,500",),
    )
    assert verbalize("7.500 of 1.200.000", "en").notes == ()  # the other number settles it
    assert verbalize("7.525 and 0.500", "en").notes == ()


@pytest.mark.parametrize(
    ("written", "words", "spelled"),
    [
        ("a7", "", "a seven"),
        ("7%", "7 percent", "seven percent"),
        ("x_2", "x_two", "x two"),
        ("7", "seven", "seven"),
        ("~", "", ""),
    ],
)
def test_an_expression_without_a_reading_is_spelled(written: str, words: str, spelled: str) -> None:
    spot = Spot(0, len(written), "code", words)
    assert checked_words(written, spot, "en") == spelled


def test_fixed_ranges_stay_and_their_neighbours_are_read() -> None:
    text = "Dr. Lee has 5 kg"
    assert verbalize(text, "en").text == "Doctor Lee has five kilograms"
    assert verbalize(text, "en", [(0, 3)]).text == "Dr. Lee has five kilograms"
    assert verbalize(text, "en", [(14, 16)]).text == "Doctor Lee has five kg"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It was 5,3%today.", "It was five point three percent today."),
        ("x=5and", "x equals five and"),
    ],
)
def test_words_do_not_run_into_each_other(text: str, words: str) -> None:
    assert verbalize(text, "en").text == words
