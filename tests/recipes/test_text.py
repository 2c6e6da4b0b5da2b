import random
from pathlib import Path

import pytest
from recipes.mini.chat import chat_line
from recipes.mini.text import Texts, as_sentence, is_held_out

_ENTRY = "{number:08d} 29 v 02 {lemma} 0 two_words 0 000 00 | {gloss}  \n"


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    for part in ("noun", "verb", "adj", "adv"):
        lines = [
            _ENTRY.format(
                number=number,
                lemma=f"{part}{'abcdefghijklmnopqrstuvwxyz'[number % 26]}",
                gloss=f'to do the thing called {part} quite often; "the {part} {word} was seen"',
            )
            for number, word in enumerate(f"w{'a' * n}" for n in range(1, 120))
        ]
        (tmp_path / f"data.{part}").write_text("  1 a licence line\n" + "".join(lines))
    return tmp_path


def test_examples_definitions_and_words_are_loaded(wordnet: Path) -> None:
    texts = Texts.read(wordnet)
    assert "The noun waa was seen." in texts.examples + texts.held_out
    assert any(text.startswith("To do the thing") for text in texts.definitions)
    assert "nouna" in texts.words
    assert "two_words" not in texts.words


def test_held_out_texts_are_not_training_texts(wordnet: Path) -> None:
    texts = Texts.read(wordnet)
    assert texts.held_out
    assert all(is_held_out(text) for text in texts.held_out)
    assert not any(is_held_out(text) for text in texts.examples + texts.definitions)


def test_held_out_does_not_depend_on_case_and_punctuation(wordnet: Path) -> None:
    text = Texts.read(wordnet).held_out[0]
    assert is_held_out(text.upper().rstrip(".") + "!")


def test_sentences_begin_with_a_capital_and_end_with_a_mark() -> None:
    assert as_sentence("he is here") == "He is here."
    assert as_sentence("is he?") == "Is he?"


def test_chat_fills_every_slot() -> None:
    rng = random.Random(0)
    lines = {chat_line(rng) for _ in range(500)}
    assert len(lines) > 300
    assert not any("{" in line or "}" in line for line in lines)


def test_chinese_characters_count_for_what_is_held_out() -> None:
    assert is_held_out("我们从哪里开始呢？") == is_held_out("我们，从哪里开始呢")
    assert len({is_held_out(f"第{chr(number)}章") for number in range(0x4E00, 0x4F00)}) == 2
