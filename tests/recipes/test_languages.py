import random
import re

from recipes.mini.languages import Languages
from recipes.mini.mandarin import MandarinTexts
from recipes.mini.text import Texts, is_held_out

_WORDS = {"n": ("电脑", "学校", "老师"), "v": ("说明", "知道"), "a": ("美丽", "安静")}
_MORE = {"place": ("北京", "上海"), "adverb": ("经常", "已经"), "idiom": ("一心一意",)}
LANGUAGES = Languages(
    Texts(
        tuple(text for text in (f"Line {'a' * n}." for n in range(90)) if not is_held_out(text)),
        ("To do something.",),
        ("Held out.",),
        ("word", "other"),
        (1.0, 2.0),
    ),
    MandarinTexts(_WORDS | _MORE),
)


def test_nothing_held_out_is_learnt() -> None:
    rng = random.Random(0)
    for mandarin in (False, True):
        for phrase in (False, True):
            drawn = [LANGUAGES.learnt(rng, mandarin, phrase) for _ in range(200)]
            assert not any(is_held_out(text) for text in drawn)


def test_held_out_sentences_of_mandarin_are_held_out() -> None:
    rng = random.Random(0)
    assert all(is_held_out(LANGUAGES.held_out(rng, mandarin=True)) for _ in range(20))
    assert LANGUAGES.held_out(rng, mandarin=False) == "Held out."


def test_a_mixed_sentence_has_both_scripts() -> None:
    rng = random.Random(0)
    for _ in range(20):
        text = LANGUAGES.mixed(rng)
        assert any(letter.isascii() and letter.isalpha() for letter in text)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text)


def test_long_texts_are_whole_sentences_or_clauses() -> None:
    rng = random.Random(3)
    for _ in range(50):
        english, mandarin = (LANGUAGES.long(rng, chosen) for chosen in (False, True))
        assert english[0].isupper()
        assert english.endswith((".", "?", "!"))
        assert not re.search(r"[.?!]\w|[.?!][,;]|, (To|Line)|  ", english)
        assert len(re.findall(r"[,;.?!]", english)) >= 2
        assert not re.search(r"[。？！]，|\s", mandarin)
        assert mandarin.endswith(("。", "？", "！"))
