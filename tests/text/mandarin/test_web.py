"""Addresses of web and mail in Mandarin."""

import pytest
from support.reading import mandarin


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("见shop.org/20%。", "见shop点org斜杠百分之二十。"),
        ("邮箱li_7@mail.com", "邮箱li下划线七 at mail点com"),
        ("关注@小王和@amy", "关注艾特小王和艾特amy"),
        ("#音乐#真好", "音乐真好"),
    ],
)
def test_addresses_are_read(written: str, words: str) -> None:
    assert mandarin(written) == words
