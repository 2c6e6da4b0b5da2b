import subprocess
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from podtts.text.languages import Language
from podtts.text.verbalize import needs_verbalizing, verbalize

LANGUAGES: tuple[Language, ...] = ("en", "zh")
WORDS = st.text(st.characters(categories=("L", "P", "Z"), exclude_characters="%&@"), max_size=60)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("I have 3 dogs.", "I have three dogs."),
        (
            "It costs $12.50, or $3 billion.",
            "It costs twelve point five dollars, or three billion dollars.",
        ),
        (
            "$1,000 and 1,234 people",
            "one thousand dollars and one thousand two hundred and thirty four people",
        ),
        (
            "in 1995, 2024 and the 1990s",
            "in nineteen ninety five, twenty twenty four and the nineteen nineties",
        ),
        ("500-1,000 or ~1,000", "five hundred to one thousand or about one thousand"),
        ("from 2020-2024", "from twenty twenty to twenty twenty four"),
        ("the '90s", "the nineties"),
        ("on May 3.", "on May third."),
        ("on 3 May 2021", "on third of May twenty twenty one"),
        ("at 5:30 pm; then", "at five thirty PM; then"),
        ("by 5 p.m. tomorrow", "by five PM tomorrow"),
        (
            "5kg, 20 km/h, 5.5 GWh",
            "five kilograms, twenty kilometers per hour, five point five gigawatt hours",
        ),
        ("100m or 5 m", "one hundred meters or five meters"),
        ("-5°C and 50%", "negative five degrees Celsius and fifty percent"),
        ("No. 5 and #1", "number five and number one"),
        ("10-12 people, 6–7 years", "ten to twelve people, six to seven years"),
        ("2 + 2 = 4", "two plus two equals four"),
        ("the 21st, 1st-class", "the twenty first, first class"),
        ("call 555-1234", "call five five five, one two three four"),
        ("GPT-4 v2.0 and 2.3.1", "GPT-four v two point oh and two point three point one"),
        ("open 24/7", "open twenty four seven"),
        ("1/2 cup", "one half cup"),
        ('He said "5" (5) — 5…', 'He said "five" (five) — five…'),
        ("a  b   5  c\t6", "a  b   five  c\tsix"),
        ("R&D & more", "R and D and more"),
        ("write to me@x.org!", "write to me at x dot org!"),
        ("see www.example.com.", "see WWW dot example dot com."),
        ("7-Eleven's", "seven-Eleven's"),
    ],
)
def test_english_expressions_are_verbalized(written: str, words: str) -> None:
    assert verbalize(written, "en") == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("我有3个苹果和2 个梨。", "我有三个苹果和两个梨。"),
        ("花了12.50元，$5", "花了十二点五零元，五美元"),
        ("2024年3月4日下午5:30。", "二零二四年三月四日下午五点三十分。"),
        ("2024-03-04", "二零二四年三月四日"),
        (
            "全长5.5GWh，1,234,567人，50%",
            "全长五点五吉瓦时，一百二十三万四千五百六十七人，百分之五十",
        ),
        ("一共1,000", "一共一千"),
        ("电话13812345678", "电话幺三八幺二三四五六七八"),
        ("GPT-4不错", "GPT 四不错"),
        ("一个90后", "一个九零后"),
        ("从1-2到5-10分钟", "从一到二到五到十分钟"),
        ("他说：“1个”（5）", "他说：“一个”（五）"),
        ("气温-5°C，第22届，NO.1", "气温负五摄氏度，第二十二届，第一"),
        ("iPhone 15很好", "iPhone 十五很好"),
        ("五㎡是5㎡", "五㎡是五平方米"),
    ],
)
def test_mandarin_expressions_are_verbalized(written: str, words: str) -> None:
    assert verbalize(written, "zh") == words


@pytest.mark.parametrize("language", ["en", "zh"])
@given(text=WORDS)
def test_text_without_numbers_is_unchanged(language: Language, text: str) -> None:
    assume(not needs_verbalizing(text))
    assert verbalize(text, language) == text


@pytest.mark.parametrize("language", ["en", "zh"])
@settings(deadline=None)
@given(text=st.text("019 .,:/-+'\"$%&#()aM中年。，<>|\\*~²½", max_size=25))
def test_no_digit_is_left_in_any_text(language: Language, text: str) -> None:
    assert not any(digit in verbalize(text, language) for digit in "0123456789")


@pytest.mark.parametrize(("language", "number"), [("en", " 7 "), ("zh", "7")])
@settings(deadline=None)
@given(before=WORDS, after=WORDS)
def test_text_around_a_number_is_unchanged(
    language: Language, number: str, before: str, after: str
) -> None:
    """With white space or full stops around it, as a word next to a number may belong to it."""
    assume(not needs_verbalizing(before + after))
    before, after = before.removesuffix("No.") + "。", "。" + after
    seven = verbalize(number, language)
    assert verbalize(before + number + after, language) == before + seven + after


def test_very_long_expressions_are_verbalized_number_by_number() -> None:
    assert verbalize("9" * 20, "en") == " ".join(["nine"] * 20)
    assert verbalize("9" * 20, "zh") == "九" * 20
    assert verbalize("a'" * 100_000 + "5", "en") == "a'" * 100_000 + "five"
    for odd in ("5" * 100_000, "5." * 50_000, "-" * 100_000 + "5", "5-" * 50_000, "5'" * 50_000):
        for language in LANGUAGES:
            assert not any(character.isdigit() for character in verbalize(odd, language))


def test_wetext_is_loaded_only_when_needed() -> None:
    script = (
        "import sys\n"
        "from podtts.script.parse import parse_script\n"
        "from podtts.script.spoken import spoken_script\n"
        "spoken_script(parse_script('[S1] She’s here. 你好！<|sigh|> [pause 0.5] Fine.'))\n"
        "assert 'wetext' not in sys.modules\n"
        "spoken_script(parse_script('[S1] 5'))\n"
        "assert 'wetext' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
