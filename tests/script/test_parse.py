import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from podtts.errors import ScriptError
from podtts.script.model import Script
from podtts.script.parse import parse_script
from podtts.values import Chapter, Turn


def turns_of(script: Script) -> list[tuple[str, str]]:
    return [(script.labels[turn.speaker], turn.text) for turn in script.turns]


def refused(text: str) -> ScriptError:
    with pytest.raises(ScriptError) as caught:
        parse_script(text, "talk.txt")
    assert caught.value.problem.startswith(f"talk.txt:{caught.value.line}: ")
    return caught.value


def test_a_complete_script() -> None:
    script = parse_script(
        "// two friends\n"
        "S1 = alice\n"
        "S2 = bob \n"
        "\n"
        "# Opening\n"
        "[S1] Hello there.\n"
        "S2: Hi!\n"
        "Nice to\n"
        "// not spoken\n"
        "\n"
        "  see you.\n"
        "## Ending\n"
        "[S1] <|sigh|> Bye.\n",
        "talk.txt",
    )
    assert script == Script(
        source="talk.txt",
        labels=("S1", "S2"),
        turns=(
            Turn(0, "Hello there.", 6),
            Turn(1, "Hi! Nice to see you.", 7),
            Turn(0, "<|sigh|> Bye.", 13),
        ),
        chapters=(Chapter("Opening", 0, 5), Chapter("Ending", 2, 12)),
        voices={"S1": "alice", "S2": "bob"},
        label_lines={"S1": 2, "S2": 3},
    )


@pytest.mark.parametrize(
    ("line", "label", "text"),
    [
        ("[S1] hello", "S1", "hello"),
        ("[S1]hello", "S1", "hello"),
        ("S1: hello", "S1", "hello"),
        ("S1:\thello", "S1", "hello"),
        ("S1： hello", "S1", "hello"),
        ("S1：你好", "S1", "你好"),
        ("S1:你好", "S1", "你好"),
        ("小明：你好", "小明", "你好"),
        ("[小明_2-b] 你好", "小明_2-b", "你好"),
        ("Émile: salut", "Émile", "salut"),
        ("E\u0301mile: salut", "Émile", "salut"),
        ("[E\u0301mile] salut", "Émile", "salut"),
        ("[" + "L" * 32 + "] hello", "L" * 32, "hello"),
        ("A: B: hello", "A", "B: hello"),
        ("[A]: hello", "A", "hello"),
        ("[小明]：你好", "小明", "你好"),
        ("[A] = hello", "A", "= hello"),
        ("A: x = y", "A", "x = y"),
        ("[S1] ...", "S1", "..."),
        ("[S1] <|laughter|>", "S1", "<|laughter|>"),
        ("[S1] <|Yue|>哈囉", "S1", "<|Yue|>哈囉"),
        ("[S1] שלום", "S1", "שלום"),
        ("[S1] 😀 so", "S1", "so"),
    ],
)
def test_lines_that_start_a_turn(line: str, label: str, text: str) -> None:
    assert turns_of(parse_script(line)) == [(label, text)]


@pytest.mark.parametrize(
    "line",
    [
        "10:30 sharp",
        "10: ten",
        "https://example.org",
        "two words: no label",
        "[S2 no label",
        "_S2: no label",
        "-S2: no label",
        "²S2: no label",
        "L" * 33 + ": too long",
        "#no heading",
        "####### no heading",
        "#",
        "/ no comment",
        "= nothing",
        "(S2: hello)",
    ],
)
def test_other_lines_continue_the_turn_above(line: str) -> None:
    script = parse_script(f"[S1] one\n{line}\n[S1] two")
    assert turns_of(script) == [("S1", f"one {line}"), ("S1", "two")]
    assert script.warnings == ()


@pytest.mark.parametrize("line", ["Ingredients:", "配料：", "Carl:hello"])
def test_a_doubtful_label_is_read_aloud_with_a_warning(line: str) -> None:
    script = parse_script(f"[S1] one\n{line}\n[S1] two", "talk.txt")
    assert turns_of(script) == [("S1", f"one {line}"), ("S1", "two")]
    (warning,) = script.warnings
    assert warning.startswith("talk.txt:2: ")
    assert "is read aloud, as words of the turn of line 1; if it names a speaker" in warning


@pytest.mark.parametrize("mark", ["[two words]", "[1]", "[]", "[" + "l" * 33 + "]"])
def test_brackets_that_are_no_label_are_left_out_with_a_warning(mark: str) -> None:
    script = parse_script(f"[S1] one\n{mark} no label", "talk.txt")
    assert turns_of(script) == [("S1", "one no label")]
    (warning,) = script.warnings
    assert warning.startswith("talk.txt:2: ")
    assert mark[:20] in warning


@pytest.mark.parametrize("line", ["S2:hello", "S2：hello", "S2：<|sigh|>hello"])
def test_a_colon_without_a_space_starts_a_turn_of_what_can_only_be_a_label(line: str) -> None:
    said = line[3:]
    assert turns_of(parse_script(f"[S1] one\n{line}")) == [("S1", "one"), ("S2", said)]


@pytest.mark.parametrize("blank", [" ", "\t", "\u3000", "\xa0"])
@pytest.mark.parametrize("line", ["S2: hello", "[S2] hello", "# Title", "// hm", "S2 = bob"])
def test_a_line_that_begins_with_white_space_continues_the_turn(blank: str, line: str) -> None:
    script = parse_script(f"[S1] one\n{blank}{line}")
    assert turns_of(script) == [("S1", f"one {line}")]
    assert script.chapters == ()
    assert script.warnings == ()


def test_a_label_alone_on_its_line_must_occur_before() -> None:
    script = parse_script("S1 = alice\nS1:\nhello\nS2:\n[S2] hi\nS1：\nbye")
    assert turns_of(script) == [("S1", "hello S2:"), ("S2", "hi"), ("S1", "bye")]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("one\ntwo", "one two"),
        ("  one  \n   two\t", "one two"),
        ("你好\n世界", "你好世界"),
        ("你好，\n世界。\n再见", "你好，世界。再见"),
        ("（你好）\n「世界」", "（你好）「世界」"),
        ("他说“走吧！”\n然后", "他说“走吧！”然后"),
        ("他说——\n走吧", "他说——走吧"),
        ("𠀀\n好", "𠀀好"),
        ("你好\nworld", "你好 world"),
        ("hello\n世界", "hello 世界"),
        ("“yes”\n“no”", "“yes” “no”"),
        ("well…\nfine", "well… fine"),
        ("你好\n<|sigh|>\n世界", "你好 <|sigh|> 世界"),
        ("한국\n말", "한국 말"),
        ("a,\n\n\nb", "a, b"),
    ],
)
def test_lines_are_joined_with_a_space_except_in_chinese(lines: str, text: str) -> None:
    assert turns_of(parse_script(f"[S1]\n{lines}")) == [("S1", text)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_all_line_ends_and_a_byte_order_mark_are_accepted(newline: str, mark: str) -> None:
    script = parse_script(mark + newline.join(["A = x", "[A] one", "two", "[B] three"]))
    assert turns_of(script) == [("A", "one two"), ("B", "three")]
    assert [turn.line for turn in script.turns] == [2, 4]


def test_a_unicode_line_separator_does_not_end_a_line() -> None:
    assert turns_of(parse_script("[A] one\u2028B: two")) == [("A", "one\u2028B: two")]


def test_speaker_numbers_are_header_order_then_first_appearance() -> None:
    script = parse_script("B = bob\nA = ann\n[D] x\n[A] x\n[C] x\n[B] x")
    assert script.labels == ("B", "A", "D", "C")
    assert [turn.speaker for turn in script.turns] == [2, 1, 3, 0]
    assert script.label_lines == {"B": 1, "A": 2, "D": 3, "C": 5}


def test_labels_are_case_sensitive() -> None:
    assert parse_script("[Al] x\n[al] x").labels == ("Al", "al")


def test_composed_and_decomposed_labels_are_equal() -> None:
    assert parse_script("É = emil\n[E\u0301] x\n[É] y").labels == ("É",)


@pytest.mark.parametrize("header", ["S1=a b", "S1 =a b", "S1\t=\ta b  "])
def test_spaces_in_headers_are_optional(header: str) -> None:
    assert parse_script(f"{header}\n[S1] hello").voices == {"S1": "a b"}


def test_chapters_start_before_a_turn() -> None:
    script = parse_script("# One\n###### Two #2\n[A] x\n[A] y\n#\tThree\n[A] z")
    assert script.chapters == (
        Chapter("One", 0, 1),
        Chapter("Two #2", 0, 2),
        Chapter("Three", 2, 5),
    )


@pytest.mark.parametrize("text", ["", "\n\n", "  \t\n", "\ufeff"])
def test_an_empty_script_is_refused(text: str) -> None:
    error = refused(text)
    assert "the script is empty" in error.problem
    assert "[S1] Hello there." in error.hint


@pytest.mark.parametrize("text", ["// only\n", "# only\n", "S1 = alice\n"])
def test_a_script_without_turns_is_refused(text: str) -> None:
    assert "the script has no turns" in refused(text).problem


@pytest.mark.parametrize("line", ["hello", "  [S1] hello", "S1:", "1 = alice"])
def test_a_line_before_the_first_turn_is_refused(line: str) -> None:
    error = refused(f"// a talk\n\n{line}\n[S1] hi")
    assert error.line == 3
    assert line.strip() in error.problem
    assert "[S1] Hello there." in error.hint


@pytest.mark.parametrize("turn", ["[S1]", "[S1]  ", "S1: ", "[S1]\n\n// hm\n\n"])
@pytest.mark.parametrize("after", ["", "\n[S2] hi"])
def test_an_empty_turn_is_refused(turn: str, after: str) -> None:
    error = refused(f"[S2] hi\n{turn}{after}")
    assert error.line == 2
    assert "the turn of S1 has no text" in error.problem


def test_a_known_label_alone_is_an_empty_turn() -> None:
    assert refused("[S1] hi\nS1:\nS1: ho").line == 2


def test_a_fifth_speaker_is_refused() -> None:
    error = refused("[A] x\n[B] x\n[C] x\n[D] x\n[A] y\nEve: x\n[F] x")
    assert error.line == 6
    assert "Eve would be speaker 5" in error.problem
    assert "A, B, C, D" in error.problem
    assert "indent" in error.hint


@pytest.mark.parametrize("last", ["E = e", "[E] hello"])
def test_a_fifth_speaker_after_headers_is_refused(last: str) -> None:
    error = refused(f"A = a\nB = b\nC = c\nD = d\n{last}\n")
    assert error.line == 5
    assert "A, B, C, D" in error.problem


def test_four_speakers_are_accepted() -> None:
    assert len(parse_script("A = a\n[B] x\n[C] x\n[D] x\n[A] x").labels) == 4


def test_two_headers_for_a_label_are_refused() -> None:
    error = refused("S1 = alice\nS2 = bob\nS1 = carol\n[S1] x")
    assert error.line == 3
    assert "line 1" in error.problem


def test_a_header_without_voice_is_refused() -> None:
    error = refused("S1 =\n[S1] x")
    assert error.line == 1
    assert "S1 = alice" in error.hint


def test_a_heading_without_title_is_refused() -> None:
    assert refused("[A] x\n## \n[A] y").line == 2


@pytest.mark.parametrize(
    ("text", "line", "wanted"),
    [
        ("[S1] a\nb <|laff|>\n[S2] c", 2, "unknown tag <|laff|>"),
        ("[S1] <|laugh|>", 1, "did you mean laughter?"),
        ("[S1]\n\n\n  <|sighs|>", 4, "did you mean sigh?"),
        ("[S1] hi<|text_end|>", 1, "unknown tag"),
        ("[S1] a <|sigh\n|> b", 1, "<| without |>"),
        ("[S1] a\nsigh|> b", 2, "|> without <|"),
        ("[S1] a <\n|sigh|> b", 2, "|> without <|"),
    ],
)
def test_invalid_tags_are_refused_with_their_line(text: str, line: int, wanted: str) -> None:
    error = refused(text)
    assert error.line == line
    assert wanted in error.problem


def test_tags_in_headings_and_comments_are_not_checked() -> None:
    script = parse_script("# <|what|>\n// <|what|>\n[A] hi")
    assert script.chapters[0].title == "<|what|>"


def test_a_foot_note_is_left_out() -> None:
    script = parse_script("A: It is proven.[^a1]\n\n[^a1]: See page 3.\nB: I see.")
    assert [turn.text for turn in script.turns] == ["It is proven.", "I see."]
    assert ":3: a foot note is left out: See page 3." in script.warnings[-1]


def test_a_control_character_is_refused() -> None:
    assert refused("[S1] a\n[S2] b\x00c").line == 2


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("A = x\nB = y\n[A] hi", "talk.txt:2: B never speaks"),
        ("[A] hi\n# End", "talk.txt:2: no turn follows this heading"),
        ("[A] hi\n# Two\nho\nha", "talk.txt:3: this line after a heading continues the turn of"),
        ("[A] hi\nB = bob", "talk.txt:2: this looks like a header line, but it is after"),
    ],
)
def test_probable_mistakes_are_reported_as_warnings(text: str, warning: str) -> None:
    (only,) = parse_script(text, "talk.txt").warnings
    assert only.startswith(warning)


def test_a_header_line_after_the_first_turn_continues_the_turn() -> None:
    assert turns_of(parse_script("[A] hi\nB = bob")) == [("A", "hi B = bob")]


def test_a_line_of_a_megabyte_is_parsed() -> None:
    word = "word " * 200_000
    assert parse_script(f"[A] {word}").turns[0].text == word.strip()


@pytest.mark.parametrize("unit", ["<", "[", "L", "# ", ": ", "=", " ", "<|sigh|>", "你", "A:"])
def test_a_megabyte_of_anything_is_parsed_in_linear_time(unit: str) -> None:
    line = unit * (1_000_000 // len(unit))
    assert turns_of(parse_script(f"[A] x\n[A] {line}.\n{line}y"))[0] == ("A", "x")


def test_a_hundred_thousand_turns_are_parsed() -> None:
    script = parse_script("[A] x\ny\n[B] 你\n好\n" * 50_000)
    assert len(script.turns) == 100_000
    assert script.turns[-1] == Turn(1, "你好", 199_999)


def test_a_turn_of_a_hundred_thousand_lines_is_parsed() -> None:
    assert parse_script("[A] x\n" + "y\n" * 100_000).turns[0].text == "x" + " y" * 100_000


_STARTS = st.sampled_from(["[A]", "[B] ", "C: ", "D：", "E:", "[G", "A = b", "F = g", "# ", "//"])
_PIECES = st.sampled_from(["x", "你", "。", "“", "]", "<|sigh|>", "<|", "|>", "<|no|>", "\x00"])
_BREAKS = st.sampled_from(["\n", "\r\n", "\r", " ", "\t", "\ufeff"])
_SCRIPTS = st.lists(_STARTS | _PIECES | _BREAKS, max_size=30).map("".join)


def outcome(text: str) -> Script | ScriptError:
    try:
        return parse_script(text, "talk.txt")
    except ScriptError as error:
        return error


@settings(deadline=None)
@given(st.text() | _SCRIPTS)
@example("[A]\ud800")
@example("\ufeff\ufeff[A] x")
def test_any_text_parses_or_is_refused_with_its_line(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    script = outcome(text)
    if isinstance(script, ScriptError):
        assert 1 <= script.line <= len(lines)
        assert "\n" not in str(script)
        return
    assert 1 <= len(script.labels) <= 4
    assert set(script.label_lines) == set(script.labels)
    assert set(script.voices) <= set(script.labels)
    assert all(0 <= chapter.turn <= len(script.turns) for chapter in script.chapters)
    for turn in script.turns:
        assert turn.text == turn.text.strip() != ""
        assert "\n" not in turn.text
        assert script.labels[turn.speaker] in lines[turn.line - 1]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["S1", "S2", "小明"]), st.text("abc 你好。[:=#/", min_size=1)),
        min_size=1,
    )
)
def test_bracketed_turns_are_parsed_as_written(turns: list[tuple[str, str]]) -> None:
    turns = [(label, text.strip() or "x") for label, text in turns]
    assert turns_of(parse_script("\n".join(f"[{label}] {text}" for label, text in turns))) == turns
