"""Roman numerals in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("III期试验，II型", "三期试验，二型"),
        ("第IV卷", "第四卷"),
        ("路易XVI和亨利VIII", "路易十六和亨利八"),
        ("我玩文明VI。", "我玩文明六。"),
    ],
)
def test_a_word_or_a_name_asks_for_a_number(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    "written", ["V型发动机", "X世代", "第X次", "X类", "做VI设计", "一张CD", "这是VIP"]
)
def test_other_capitals_stay(written: str) -> None:
    assert mandarin(written) == written
