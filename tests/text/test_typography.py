import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.text.typography import plain_characters


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("She’s here", "She's here"),
        ("don‘t, donʼt, don´t, don`t, don′t, don＇t", "don't, don't, don't, don't, don't, don't"),
        ("back in the ’90s, ’tis", "back in the '90s, 'tis"),
        ("ＡＢＣ ａｂｃ １２３", "ABC abc 123"),
        ("花了１２．５％，＄３", "花了12.5%，$3"),
        ("５：３０", "5:30"),
        ("＋５ －３", "+5 -3"),
        ("\ufb01ne o\ufb03ce", "fine office"),
        ("10\u00a0km\u202fx\u3000y", "10 km x y"),
        ("a\u00adb\u200bc\ufeffd\u200e", "abcd"),
        ("\u0661\u0662 5\ufe0f\u20e3", "12 5"),
        ("\u22125 twenty\u2011one", "-5 twenty-one"),
    ],
)
def test_characters_that_look_alike_are_replaced(written: str, plain: str) -> None:
    assert plain_characters(written) == plain


@pytest.mark.parametrize(
    "text",
    [
        "他说：“你好！”（笑）",
        "‘你好’，他说……",
        "什么？不——行",
        "naïve café, Zürich",
        "“Quoted,” she said. ‘So’ he did.",
        "1，2，3",
        "Plain <|laughter|> text.",
        "日本語のテキスト",
    ],
)
def test_characters_with_a_meaning_of_their_own_are_kept(text: str) -> None:
    assert plain_characters(text) == text


@given(st.text())
def test_replacing_again_changes_nothing(text: str) -> None:
    once = plain_characters(text)
    assert plain_characters(once) == once


@given(st.text(st.characters(max_codepoint=0x7E, exclude_characters="`")))
def test_ascii_is_kept(text: str) -> None:
    assert plain_characters(text) == text
