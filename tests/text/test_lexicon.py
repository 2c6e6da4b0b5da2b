from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.errors import InputError, ScriptError
from podtts.text.lexicon import SECTIONS, parse_lexicon, read_lexicons

LEXICON = parse_lexicon(
    """\
\ufeff# a comment
// another one
GWh = gigawatt hours
she's = she is
read = red
reading room = room for reading
C++ = see plus plus
US = you ess
Anna = Ahna
a = ay = b

[en]
Xiaomi = shao me
[ZH]
银行 = 银航
重庆 = 虫庆
重庆火锅 = 虫庆火郭
Xiaomi = 小米
[yue]
银行 = 银杭
[all]
ok = okay <|laughter|>
""",
    "words.txt",
)


@pytest.mark.parametrize(
    ("sections", "text", "spoken"),
    [
        (["all"], "5 GWh, GWh.", "5 gigawatt hours, gigawatt hours."),
        (["all"], "5GWh GWhs gwh", "5GWh GWhs gwh"),  # complete words, and capitals only as written
        (["all"], "Read READ read, already reader", "red red red, already reader"),
        (["all"], "She's in the Reading Room.", "she is in the room for reading."),
        (["all"], "the reading rooms", "the reading rooms"),
        (["all"], "C++, c++ (C++)", "see plus plus, see plus plus (see plus plus)"),
        (["all"], "US, us, Us", "you ess, us, Us"),
        (["all"], "anna ANNA Annas", "Ahna Ahna Annas"),
        (["all"], "用GWh写", "用gigawatt hours写"),  # Chinese needs no space
        (["all"], "a b", "ay = b b"),  # a replacement is not searched again
        (["all"], "OK!", "okay <|laughter|>!"),
        (["all", "en"], "Xiaomi 银行", "shao me 银行"),
        (["all", "zh"], "Xiaomi的中国银行", "小米的中国银航"),
        (["all", "zh"], "重庆的重庆火锅", "虫庆的虫庆火郭"),  # the longest first
        (["all", "zh", "yue"], "银行 Xiaomi", "银杭 小米"),
    ],
)
def test_words_are_replaced_by_their_spoken_form(
    sections: list[str], text: str, spoken: str
) -> None:
    assert LEXICON.replacer(sections).replace(text) == spoken


@given(st.text())
def test_an_empty_lexicon_changes_nothing(text: str) -> None:
    assert parse_lexicon("", "empty").replacer(SECTIONS).replace(text) == text


@given(st.text("ab .中"), st.text("ab中", min_size=1))
def test_only_the_entry_changes_the_text(text: str, word: str) -> None:
    replacer = parse_lexicon(f"{word} = X", "one").replacer(["all"])
    replaced = replacer.replace(text)
    if word not in text:
        assert replaced == text
    assert replaced.replace("X", word) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = b\nword", "words.txt:2: this is not an entry: word"),
        ("= b", "words.txt:1: this is not an entry"),
        ("a =", "words.txt:1: this is not an entry"),
        ("a = b\n\nA = c", "words.txt:3: A already has an entry on line 1"),
        ("[eng]\n", "words.txt:1: unknown section [eng]; did you mean en?"),
        ("a = <|laugter|>", "words.txt:1: unknown tag <|laugter|>; did you mean laughter?"),
        ("a = b [pause 1]", "words.txt:1: b [pause 1] contains a pause"),
        ("a = <break/>", "words.txt:1: <break/> contains a pause"),
        ("<|sigh|> = b", "words.txt:1: a lexicon cannot replace tags"),
        ("a = \x00", "words.txt:1: a NUL character"),
    ],
)
def test_errors_name_file_and_line(text: str, words: str) -> None:
    with pytest.raises(ScriptError) as raised:
        parse_lexicon(text, "words.txt")
    assert raised.value.problem.startswith(words)
    assert raised.value.hint


def test_the_same_word_may_be_in_two_sections_and_cases() -> None:
    lexicon = parse_lexicon("us = we\nUS = you ess\n[zh]\nus = they", "x")
    assert lexicon.replacer(["all"]).replace("us US") == "we you ess"
    assert lexicon.replacer(["all", "zh"]).replace("us US") == "they you ess"


def test_the_last_of_several_files_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("one = 1st\ntwo = 2nd\n", encoding="utf-8")
    second.write_text("two = deux\n", encoding="utf-8")
    replacer = read_lexicons([first, second]).replacer(["all"])
    assert replacer.replace("one two") == "1st deux"


def test_unreadable_files_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such lexicon"):
        read_lexicons([tmp_path / "none.txt"])
    with pytest.raises(InputError, match="cannot be read"):
        read_lexicons([tmp_path])
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 = x")
    with pytest.raises(ScriptError, match=r"latin.txt:1: .*not UTF-8"):
        read_lexicons([tmp_path / "latin.txt"])
