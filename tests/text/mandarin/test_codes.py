"""Codes, versions, ordinals and scores in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("验证码6371", "验证码六三七一"),
        ("邮编200031", "邮编二零零零三一"),
        ("房间1105", "房间幺幺零五"),
        ("电话65432100转207", "电话六五四三二幺零零转二零七"),
        ("看了315晚会", "看了三一五晚会"),
        ("账号li_07", "账号li下划线零七"),
        ("1105室", "幺幺零五室"),
        ("QQ号 8812345", "QQ号 八八一二三四五"),
        ("拨打12345", "拨打幺二三四五"),
        ("打110报警", "打幺幺零报警"),
        ("打120分", "打一百二十分"),
        ("卡号后4位是3091", "卡号后四位是三零九一"),
        ("618大促", "六一八大促"),
    ],
)
def test_the_word_before_tells_how_a_number_is_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("航班MU2510", "航班MU二五幺零"),
        ("GB/T 7714-2015", "GB T 七七一四 二零一五"),
        ("A320和B52", "A三二零和B五十二"),
        ("GPT-4", "GPT 四"),
        ("PM2.5", "PM二点五"),
        ("B2C", "B to C"),
    ],
)
def test_letters_with_digits_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("版本2.10", "版本二点十"),
        ("v3.1.4", "v三点一点四"),
    ],
)
def test_versions_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("第2章，第200页", "第二章，第二百页"),
        ("第2-4章", "第二到第四章"),
        ("No.3和#5", "第三和第五"),
        ("见P.30和pp.7-9", "见第三十页和第七到九页"),
        ("见图2-1", "见图二杠一"),
    ],
)
def test_ordinals_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("以78-75获胜", "以七十八比七十五获胜"),
        ("德国2-0", "德国二比零"),
        ("决赛甲105-98乙", "决赛甲一百零五比九十八乙"),
        ("2-0个", "两到零个"),
    ],
)
def test_scores_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words
