import pytest
from recipes.mini.phones import phones_of

for package in ("hibari", "misaki.zh"):
    pytest.importorskip(package, reason="the text fronts are requirements of the recipe")


def test_mandarin_has_tones_and_english_has_stress() -> None:
    assert "↓" in phones_of("你好。")
    assert "ˈ" in phones_of("Hello.")


def test_numbers_are_read_in_the_language_of_their_sentence() -> None:
    assert phones_of("3年。") == phones_of("三年。")
    assert phones_of("I have 3 dogs.") == phones_of("I have three dogs.")


def test_an_english_word_in_a_mandarin_sentence_is_english() -> None:
    assert phones_of("Python").strip() in phones_of("我们用 Python 写程序。")
