"""A script in podtts' own form is the same script, and writing it again gives the same text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtts.errors import ScriptError
from podtts.script.model import Script
from podtts.script.own_form import own_form
from podtts.script.parse import parse_script
from podtts.script.read import decode_script, read_script
from podtts.script.reading import ReadingOptions
from podtts.values import Turn

EXAMPLES = Path(__file__).parents[2] / "examples"
OPTIONS = ReadingOptions.of(["anna", "ben"])


def content(script: Script) -> object:
    """What own_form keeps of a script."""
    turns = [
        (turn.speaker, turn.text, turn.continues, round(turn.pause, 6)) for turn in script.turns
    ]
    chapters = [(chapter.title, chapter.turn) for chapter in script.chapters]
    voices = {label: script.voices.get(label, label) for label in script.labels}
    return script.labels, turns, chapters, voices, dict(script.rates)


@pytest.mark.parametrize("name", ["english.txt", "mandarin.txt", "published.json"])
def test_the_examples_keep_all_that_they_say(name: str) -> None:
    script = read_script(EXAMPLES / name)
    own = own_form(script)
    again = parse_script(own)
    assert content(again) == content(script)
    assert again.warnings == ()
    assert own_form(again) == own


def test_headers_chapters_pauses_and_dialects_are_written() -> None:
    text = (
        "S2 = ben\nS1 = anna, rate 0.9\n\n# One\n\n[S1] Hi. [pause 0.5] So.\n"
        "[S2] [pause 2] <|Yue|>你好。 [pause 1] 再见。\n\n# Two\n\n[S1] Bye.\n# End\n"
    )
    assert own_form(parse_script(text)) == text


def test_a_name_in_brackets_that_is_words_stays_words() -> None:
    script = parse_script("[S1] One\n  [S2] two\n[S2] three")
    own = own_form(script)
    assert own == "[S1]\n  One [S2] two\n[S2] three\n"
    assert content(parse_script(own)) == content(script)


def test_labels_that_need_a_header_have_one() -> None:
    script = parse_script("Dr. Smith: Hello.\nSpeaker 1: Hi.")
    own = own_form(script)
    assert own.startswith("Dr. Smith = Dr. Smith\nSpeaker 1 = Speaker 1\n[Dr. Smith] Hello.\n")
    assert content(parse_script(own)) == content(script)


def test_a_label_that_the_form_cannot_have_is_refused() -> None:
    script = Script("made.py", ("A:B",), (Turn(0, "Hi."),))
    with pytest.raises(ScriptError, match="the label A:B has a character"):
        own_form(script)


def test_a_text_that_would_be_read_in_another_way_is_refused() -> None:
    script = Script("made.py", ("A",), (Turn(0, "Hi.", 1), Turn(0, "[word", 2), Turn(0, "*a*", 3)))
    with pytest.raises(ScriptError, match=r"made\.py:3: podtts' own form cannot have the text"):
        own_form(script)


_LABELS = st.sampled_from(
    [
        "[A] ",
        "B: ",
        "**C:** ",
        "- D: ",
        "Speaker 1: ",
        "[00:01] A: ",
        "小明：",
        "ben:",
        "A (sighs): ",
    ]
)
_WORDS = st.sampled_from(
    [
        *(
            "word ",
            "好",
            "。",
            "**",
            "*",
            "_",
            "`",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "<b>",
            "</b>",
            "<",
        ),
        *("&amp;", "&lt;", "&#42;", "\\", "(laughs)", "[pause]", "*sigh*", "[1]", "[x](y)", "😀"),
        *("<|sigh|>", "[pause 1]", "{pause:2}", "#0.5#", "[B]", "<i>", "~~", "“", "”", ": ", "---"),
        *("(softly)", "<break time='1s'/>", "![a](b)", "<!-- x -->", "C: ", "[^1]", "\t", "  "),
    ]
)
_LINES = st.tuples(_LABELS | st.just("") | st.just("  "), st.lists(_WORDS, max_size=8))
_SCRIPTS = st.lists(_LINES, min_size=1, max_size=6).map(
    lambda lines: "\n".join(label + "".join(words) for label, words in lines)
)


@settings(deadline=None, max_examples=600)
@given(_SCRIPTS)
def test_any_script_is_the_same_in_the_own_form(text: str) -> None:
    try:
        script = decode_script(text.encode(), "talk.txt", Path(), OPTIONS)
        own = own_form(script)
    except ScriptError:
        return
    again = decode_script(own.encode(), "own.txt", Path(), OPTIONS)
    assert content(again) == content(script), own
    assert own_form(again) == own
