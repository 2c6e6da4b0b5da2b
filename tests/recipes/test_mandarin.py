import random
from pathlib import Path

import pytest
from recipes.mini.mandarin import MandarinTexts, number_in_mandarin


@pytest.fixture
def texts(tmp_path: Path) -> MandarinTexts:
    path = tmp_path / "dict.txt"
    lines = [
        *("电脑 900 n", "说明 900 v", "美丽 900 a", "北京 900 ns", "经常 900 d"),
        *("一心一意 40 i", "冷僻 3 n", "AT&T 900 n", "路 900 n"),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return MandarinTexts.read(path)


def test_common_words_fill_the_slots(texts: MandarinTexts) -> None:
    assert texts.words == {
        "n": ("电脑",),
        "v": ("说明",),
        "a": ("美丽",),
        "place": ("北京",),
        "adverb": ("经常",),
        "idiom": ("一心一意",),
    }


def test_lines_are_varied_and_filled(texts: MandarinTexts) -> None:
    rng = random.Random(0)
    lines = {texts.sentence(rng) for _ in range(500)}
    assert len(lines) > 300
    assert not any("{" in line or "}" in line for line in lines)
    assert texts.phrase(rng).endswith("。")


def test_a_word_of_another_language_stands_in_the_sentence(texts: MandarinTexts) -> None:
    assert " Python " in f" {texts.around(random.Random(0), ' Python ')} "


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "一"),
        (2, "两"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (105, "一百零五"),
        (200, "二百"),
        (1005, "一千零五"),
        (1050, "一千零五十"),
    ],
)
def test_a_number_is_said_in_mandarin(number: int, said: str) -> None:
    assert number_in_mandarin(number) == said
