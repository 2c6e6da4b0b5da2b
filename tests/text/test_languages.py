import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.text.languages import has_han, main_language, split_by_language, split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Hello. ", "How are you? ", "Fine!"],
        ["Dr. Who met Mr. J. R. Smith at 5.30 p.m. in St. Ives. ", "So?"],
        ["It costs 3.14 or 1.000.000 at www.example.com today. ", "Yes."],
        ['He said "No!" ', '"Why?" ', "Because."],
        ["你好。", "“再见！”", "他说……", "好吧？！", "行"],
        ["Well... you know, e.g. this one. ", "OK."],
        ["Fine. ", "<|sigh|> Let's go. ", "<|laughter|>"],
        ["No. 5 is alive. ", "Really"],
        ["他说OK。", "Then we left.", "好"],
        [""],
        ["..."],
    ],
)
def test_texts_are_split_into_sentences(sentences: list[str]) -> None:
    assert split_sentences("".join(sentences)) == sentences


@given(st.text() | st.text('aA.。！? "”5中<|>'))
def test_joined_sentences_are_the_text(text: str) -> None:
    assert "".join(split_sentences(text)) == text
    assert "".join(sentence.text for sentence in split_by_language(text)) == text


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("I have 3 dogs.", ["en"]),
        ("我有3只狗。", ["zh"]),
        ("我买了iPhone 15，很好。I like it. 真的", ["zh", "en", "zh"]),
        ("She said 你好 at 5:30 pm on the bus.", ["en"]),
        ("3.5! 我不知道。", ["zh", "zh"]),  # from the first sentence with a language
        ("我不知道。5？", ["zh", "zh"]),  # from the sentence before
        ("5kg。", ["en"]),
        ("重5kg。", ["zh"]),  # a unit is not a word
        ("<|laughter|>好", ["zh"]),  # nor is a tag
        ("他回头大声地说：“See you at 5”然后就走了。", ["zh", "en", "zh"]),
        ('她在门口喊了一句"it is 9 now"。', ["zh", "en", "zh"]),
        ("买了“iPhone 15 Pro”。", ["zh"]),  # a name
        ("42", ["en"]),
        ("9-2=7，x>5", ["zh"]),  # by its punctuation
        ("版本2.0，Python 3，iOS 17。", ["zh"]),
    ],
)
def test_the_language_is_detected_by_characters(text: str, languages: list[str]) -> None:
    assert [sentence.language for sentence in split_by_language(text)] == languages


@pytest.mark.parametrize("text", ["On Jan. 5, see vol. 2, no. 3.", "Smith et al. (2019), cf. Lee."])
def test_abbreviations_end_no_sentence(text: str) -> None:
    assert split_sentences(text) == [text]


def test_chinese_characters_are_detected() -> None:
    assert has_han("a 你 b")
    assert not has_han("a, b。")


def test_long_unusual_texts_are_split_in_linear_time() -> None:
    for text in ("." * 200_000, "a. " * 60_000, "." + " " * 200_000 + "x", "。”" * 60_000):
        assert "".join(split_sentences(text)) == text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I have 3 dogs.", "en"),
        ("她说。That is what all of us have always wanted to hear.", "en"),
        ("这座桥会唱歌，整个城市都能听见。OK. Yes.", "zh"),
        ("小希", "zh"),
        ("مرحبا", "en"),
        ("", "en"),
    ],
)
def test_the_main_language_is_that_of_most_of_the_text(text: str, language: str) -> None:
    assert main_language(text) == language
