"""What is not words becomes what it means, is left out with a warning, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.errors import ScriptError
from podtts.script.model import Script
from podtts.script.parse import parse_script
from podtts.script.reading import ReadingOptions


def read(text: str, mode: str = "tags") -> Script:
    return parse_script(f"[S1] {text}", "talk.txt", ReadingOptions.of([], mode))


def words(text: str) -> str:
    return " ".join(turn.text for turn in read(text).turns)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Big** news, __really__.", "Big news, really."),
        ("A *very* _fine_ ~~old~~ `new` day", "A very fine old new day"),
        ("***All*** of it", "All of it"),
        ("好**重要**的事", "好重要的事"),
        ("Read [our page](https://example.org/a_(b)) now", "Read our page now"),
        ('See [it](x.html "a title") and [that][2].', "See it and that."),
        ("Write to <me@example.org> or <https://example.org>", None),
        ("Tom &amp; Jerry caf&eacute; &#8212; ok", "Tom & Jerry café — ok"),
        ("&amp;lt;3", "<3"),
        ("One <b>bold</b><br/>line", "One bold line"),
        ("Here <!-- nobody sees this --> it is", "Here it is"),
        (r"A star \* and a line \_", "A star * and a line _"),
        ("5 * 3 * 2 and 2**3 and a_name_here", None),
        ("f*** it", None),
        ("a < b, c > d", None),
        ("the bridge (built in 1890) hums", None),
        ("C# and F#", None),
        ("at 10:30 (or 11:15)", None),
    ],
)
def test_markup_becomes_what_it_means_without_a_warning(written: str, said: str | None) -> None:
    script = read(written)
    expected = written.replace("<me", "me").replace("org>", "org").replace("<https", "https")
    assert [turn.text for turn in script.turns] == [said or expected]
    assert script.warnings == ()


@pytest.mark.parametrize(
    ("written", "said", "named"),
    [
        ("Well 🎉 done", "Well done", "🎉"),
        ("A flag 🇩🇪 and a hand 👋🏽.", "A flag and a hand.", "👋🏽"),
        ("Proven.[1] And so on.[2, 3]", "Proven. And so on.", "[1]"),
        ("Proven[^note] again", "Proven again", "[^note]"),
        ("Look ![a bridge](b.png) here", "Look here", "a bridge"),
        ("An <em-dash> there", "An there", "<em-dash>"),
        ("So [door slams] it goes", "So it goes", "[door slams]"),
        ("(whispering) Come in.", "Come in.", "(whispering)"),
        ("Yes. *nods slowly* No.", "Yes. No.", "*nods slowly*"),
        ("So (nods) it is", "So it is", "(nods)"),
        ("At [00:12:01] we began", "At we began", "[00:12:01]"),
    ],
)
def test_what_has_no_sound_is_left_out_with_a_warning(written: str, said: str, named: str) -> None:
    script = read(written)
    assert [turn.text for turn in script.turns] == [said]
    assert script.warnings
    assert all(warning.startswith("talk.txt:1: ") for warning in script.warnings)
    assert any(named in warning for warning in script.warnings)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("Take a *break* now", "*break* may be a direction or an emphasized word"),
        ("I saw [Carl] there", "[Carl] inside a line may be a speaker or a direction"),
        ("Then <S2> spoke", "<S2> may name a speaker or be a tag to leave out"),
        ('A <voice name="x">word</voice>', "is SSML, which podtts does not support"),
        ('A <say-as interpret-as="date">word</say-as>', "is SSML"),
        ('A <break time="soon"/>', "the length of <break"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_with_both_readings(
    written: str, problem: str
) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(f"[S1] One.\n{written}", "talk.txt")
    assert caught.value.line == 2
    assert problem in caught.value.problem
    assert caught.value.hint


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ('<break time="500ms"/>', 0.5),
        ("<break time='1.2s'>", 1.2),
        ('<break strength="medium"/>', 0.5),
        ("<break/>", 0.8),
        ("{pause: 2}", 2.0),
        ("[pause=0,5]", 0.5),
        ("[pause:1500ms]", 1.5),
        ("[2 seconds]", 2.0),
        ("[wait 3s]", 3.0),
        ("#1.25#", 1.25),
        ("<#1.25#>", 1.25),
        ("(long pause)", 1.5),
        ("（停顿）", 0.8),
        ("*pause*", 0.8),
        ("[uv_break]", 0.2),
        ("([pause])", 0.8),
    ],
)
def test_pauses_of_other_tools_become_pauses(written: str, seconds: float) -> None:
    script = read(f"One. {written} Two.")
    assert [(turn.text, turn.pause) for turn in script.turns] == [("One.", 0.0), ("Two.", seconds)]
    (warning,) = script.warnings
    assert f"is read as [pause {seconds:g}]" in warning


def test_a_spelling_is_reported_once() -> None:
    script = parse_script("[S1] (laughs) One. (Laughs) Two.\n[S1] (laughs) [chuckles] Three.", "t")
    assert script.warnings == (
        "t:1: (laughs) is read as <|laughter|>",
        "t:2: [chuckles] is read as <|laughter|>",
    )


@pytest.mark.parametrize("direction", ["(laughs)", "[pause]", "*sigh*", "{pause:1}", "[music]"])
def test_directions_can_be_left_out_or_refused(direction: str) -> None:
    dropped = read(f"One. {direction} Two.", "drop")
    assert [turn.text for turn in dropped.turns] == ["One. Two."]
    (warning,) = dropped.warnings
    assert direction in warning
    with pytest.raises(ScriptError, match="is a direction") as caught:
        read(f"One. {direction} Two.", "refuse")
    assert "<|laughter|>" in caught.value.hint
    assert "[pause 0.8]" in caught.value.hint


@pytest.mark.parametrize("mode", ["drop", "refuse"])
def test_tags_and_pauses_of_podtts_work_in_every_mode(mode: str) -> None:
    script = read("One. [pause 0.5] <|sigh|> Two. <|pause:300|> Three.", mode)
    assert [turn.pause for turn in script.turns] == [0.0, 0.5, 0.3]
    assert script.warnings == ()


def test_a_turn_of_which_all_is_left_out_is_silence() -> None:
    script = parse_script("[A] 😀\n[B] (nods)\n[A] One.\n[B] [music]", "t")
    assert [(turn.text, turn.pause) for turn in script.turns] == [("One.", 1.6)]
    silent = [warning for warning in script.warnings if "nothing to say in this turn" in warning]
    assert [warning[:4] for warning in silent] == ["t:1:", "t:2:", "t:4:"]


@given(st.lists(st.sampled_from(["word", "Wort", "好", "42", ".", ",", "–", "é", "don't"])))
def test_words_alone_are_never_changed(parts: list[str]) -> None:
    text = " ".join(["start", *parts])
    assert words(text) == text


@given(
    st.lists(
        st.sampled_from(["**", "*", "_", "`", "~~", "(", ")", "<b>", "</b>", "&amp;", "# ", "- "])
        | st.integers(0, 99).map("word{}".format),
        max_size=12,
    )
)
def test_no_word_vanishes_between_marks(parts: list[str]) -> None:
    written = [part for part in parts if part.startswith("word")]
    script = parse_script("[S1] start " + " ".join(parts) + " end")
    said = " ".join(turn.text for turn in script.turns)
    assert [word.strip("*_`~()#-&") for word in said.split() if "word" in word] == written
