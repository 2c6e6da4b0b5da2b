import codecs

import pytest

from podtts.errors import ScriptError
from podtts.text.characters import clean_text, decode_utf8, excerpt


def test_utf8_is_decoded() -> None:
    assert decode_utf8("é 你好 😀".encode(), "a.txt") == "é 你好 😀"


@pytest.mark.parametrize(
    ("raw", "line", "byte"),
    [
        (b"[A] caf\xe9\n", 1, "byte 0xe9 at offset 7"),
        (b"[A] hi\r\n[B] ho\r\n\xff", 3, "byte 0xff at offset 16"),
        (b"a\rb\rc\xc3", 3, "byte 0xc3 at offset 5"),
        ("[A] 你好\n[B] 再".encode("gb18030"), 1, "byte 0xc4 at offset 4"),
    ],
)
def test_other_encodings_are_refused_with_line_and_byte(raw: bytes, line: int, byte: str) -> None:
    with pytest.raises(ScriptError) as caught:
        decode_utf8(raw, "a.txt")
    assert caught.value.line == line
    assert caught.value.problem.startswith(f"a.txt:{line}: ")
    assert byte in caught.value.problem
    assert caught.value.hint == "save it as UTF-8"


@pytest.mark.parametrize(
    ("mark", "encoding", "name"),
    [
        (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    ],
)
def test_a_byte_order_mark_names_the_encoding(mark: bytes, encoding: str, name: str) -> None:
    with pytest.raises(ScriptError, match=f"the file is {name}, not UTF-8"):
        decode_utf8(mark + "[A] hello".encode(encoding), "a.txt")


@pytest.mark.parametrize("text", ["a\nb\nc", "a\r\nb\r\nc", "a\rb\rc", "\ufeffa\nb\r\nc"])
def test_line_ends_and_mark_are_unified(text: str) -> None:
    assert clean_text(text, "a.txt") == "a\nb\nc"


def test_tabs_rtl_marks_and_emoji_are_kept() -> None:
    text = "a\tשלום \u200f 👩‍👩‍👧 \u2028"
    assert clean_text(text, "a.txt") == text


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x0b", "\x1b", "\x7f", "\x85", "\ud800"])
def test_control_characters_are_refused_with_their_line(character: str) -> None:
    with pytest.raises(ScriptError) as caught:
        clean_text(f"one\r\ntwo\rthree {character} more", "a.txt")
    assert caught.value.line == 3


def test_the_hint_for_a_nul_is_about_the_encoding() -> None:
    with pytest.raises(ScriptError) as caught:
        clean_text("[A] hello".encode("utf-16-le").decode(), "a.txt")
    assert "NUL" in caught.value.problem
    assert caught.value.hint == "save it as UTF-8"


def test_an_excerpt_is_short_and_printable() -> None:
    assert excerpt("short, 你好 é 😀") == "short, 你好 é 😀"
    assert excerpt("x" * 41) == "x" * 39 + "…"
    assert excerpt("a\nb\x1b[31m\u2028\u202e\ud800") == "a\ufffdb\ufffd[31m\ufffd\ufffd\ufffd"
