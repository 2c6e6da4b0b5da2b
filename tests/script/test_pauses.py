"""Pauses and rates in both script formats."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.errors import ScriptError
from podtts.script.model import Script
from podtts.script.parse import parse_script
from podtts.script.published_json import parse_published


def turns_of(script: Script) -> list[tuple[int, str, bool, float]]:
    return [(turn.speaker, turn.text, turn.continues, turn.pause) for turn in script.turns]


def published(*turns: tuple[str, str], **speakers: object) -> Script:
    members = speakers or {"S1": {}, "S2": {}}
    text = json.dumps({"speakers": members, "text": turns}, indent=1)
    return parse_published(text, "talk.json", Path())


def test_a_pause_splits_a_turn_into_turns_of_the_same_speaker() -> None:
    script = parse_script("[S1] One [pause 0.8] two\nand more <|pause:300|> three.\n[S2] Four.")
    assert turns_of(script) == [
        (0, "One", False, 0.0),
        (0, "two and more", True, 0.8),
        (0, "three.", True, 0.3),
        (1, "Four.", False, 0.0),
    ]
    assert [turn.line for turn in script.turns] == [1, 1, 2, 3]
    assert script.warnings == ()


def test_a_pause_splits_a_turn_of_a_json_script() -> None:
    script = published(("S1", "One [pause 0.8] two [pause 1]"), ("S2", "<|pause:500|> Three."))
    assert turns_of(script) == [
        (0, "One", False, 0.0),
        (0, "two", True, 0.8),
        (1, "Three.", False, 1.5),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[S1] One. [pause 2]\n[S2] Two.",
        "[S1] One.\n[pause 2]\n[S2] Two.",
        "[S1] One.\n[pause 1]\n<|pause:1000|>\n[S2] Two.",
        "[S1] One.\n# A chapter\n[pause 2]\n[S2] Two.",
        "[S1] One.\n[S2] [pause 2] Two.",
        "[S1] One.\n[S2] [pause 2]\nTwo.",
        "[S1] One. [pause 1]\n[S2] [pause 1]\n[S2] Two.",
    ],
)
def test_a_pause_at_the_end_or_alone_is_before_the_next_words(text: str) -> None:
    script = parse_script(text)
    assert turns_of(script) == [(0, "One.", False, 0.0), (1, "Two.", False, 2.0)]
    assert script.warnings == ()
    assert all(chapter.turn == 1 for chapter in script.chapters)


def test_a_pause_before_the_first_turn_starts_the_episode() -> None:
    assert turns_of(parse_script("[pause 1.5]\n[S1] One.")) == [(0, "One.", False, 1.5)]


def test_a_pause_after_the_last_words_is_dropped() -> None:
    script = parse_script("[S1] One.\n[pause 2]\n")
    assert turns_of(script) == [(0, "One.", False, 0.0)]
    assert script.warnings == ("<script>:2: no words follow this pause, so it is dropped",)


def test_a_script_of_pauses_is_refused() -> None:
    with pytest.raises(ScriptError, match="no turns"):
        parse_script("[S1] [pause 2]")
    with pytest.raises(ScriptError, match="no turns"):
        published(("S1", "[pause 2]"))


def test_a_speaker_with_only_pauses_is_reported() -> None:
    script = parse_script("[S1] One.\n[S2] [pause 1]\n[S1] Two.")
    assert script.warnings == ("<script>:2: S2 never speaks",)


@pytest.mark.parametrize("mark", ["[pause 12]", "[pause 6] [pause 6]", "<|pause:12000|>"])
def test_a_pause_is_at_most_ten_seconds(mark: str) -> None:
    script = parse_script(f"[S1] One.\nTwo. {mark} Three.")
    assert script.turns[1].pause == 10.0
    assert script.warnings == ("<script>:2: a pause of 12 s is shortened to the maximum of 10 s",)


def test_punctuation_alone_does_not_become_a_turn() -> None:
    script = parse_script("[S1] … [pause 1] Well [pause 2] .\n[S2] Yes [pause 1] <|laughter|>")
    assert turns_of(script) == [
        (0, "… Well .", False, 1.0),
        (1, "Yes", False, 2.0),
        (1, "<|laughter|>", True, 1.0),
    ]


def test_the_dialect_also_applies_after_a_pause() -> None:
    script = parse_script("[S1] <|Yue|>你好[pause 1]再见[pause 1]<|Henan|>好")
    assert [turn.text for turn in script.turns] == ["<|Yue|>你好", "<|Yue|>再见", "<|Henan|>好"]


def test_chapters_start_at_the_same_words() -> None:
    script = parse_script(
        "[S1] A [pause 1] B\n# One\n[S1] [pause 1]\n# Two\n[S1] C [pause 1] D\n# End"
    )
    assert [chapter.turn for chapter in script.chapters] == [2, 2, 4]


@pytest.mark.parametrize("mark", ["[pause -1]", "<|pause:x|>", "[pause 0]", "<sub alias='x'>"])
def test_invalid_pauses_are_refused_with_their_line(mark: str) -> None:
    with pytest.raises(ScriptError) as raised:
        parse_script(f"[S1] One.\n  and {mark} two")
    assert raised.value.line == 2
    assert "[pause 0.8]" in raised.value.hint
    with pytest.raises(ScriptError) as raised:
        published(("S1", f"One {mark} two"))
    assert "[pause 0.8]" in raised.value.hint


@pytest.mark.parametrize("mark", ["[pause]", "[Pause]"])
def test_a_pause_without_length_at_the_start_of_a_line_is_not_a_label(mark: str) -> None:
    script = parse_script(f"[S1] One.\n{mark} two")
    assert turns_of(script) == [(0, "One.", False, 0.0), (0, "two", True, 0.8)]


def test_a_speaker_may_have_the_label_pause() -> None:
    script = parse_script("pause = anna\n[pause] Hello.")
    assert script.labels == ("pause",)


def test_a_misspelled_pause_tag_gets_a_suggestion() -> None:
    with pytest.raises(ScriptError, match=r"unknown tag <\|paus:300\|>; did you mean pause:300"):
        parse_script("[S1] One <|paus:300|>")


@given(
    st.lists(st.sampled_from(["[pause 1]", "word", "…", "<|sigh|>", "\n", "\n[S2] So"]), min_size=1)
)
def test_no_pause_and_no_word_is_lost(parts: list[str]) -> None:
    script = parse_script("[S1] start " + " ".join(parts) + "\n[S1] end")
    pauses = sum(turn.pause for turn in script.turns)
    shortened = any("is shortened to" in warning for warning in script.warnings)
    assert shortened or pauses == parts.count("[pause 1]")
    assert sum(turn.text.count("word") for turn in script.turns) == parts.count("word")
    for before, after in pairwise(script.turns):
        assert not after.continues or after.speaker == before.speaker


def test_a_rate_follows_the_voice() -> None:
    script = parse_script(
        "S1 = anna, rate 0.9\nS2 = Smith, John , rate 2\nS3 = rate 0.9\n"
        "S4 = a, rates 3\n[S1] a\n[S2] b\n[S3] c\n[S4] d"
    )
    assert script.rates == {"S1": 0.9, "S2": 2.0}
    assert script.voices == {
        "S1": "anna",
        "S2": "Smith, John",
        "S3": "rate 0.9",
        "S4": "a, rates 3",
    }


def test_a_rate_of_a_json_script_is_read() -> None:
    assert published(("S1", "Hi"), S1={"rate": 1.5}).rates == {"S1": 1.5}
    assert published(("S1", "Hi"), S1={"rate": 2}).rates == {"S1": 2.0}
    assert published(("S1", "Hi"), S1={"rate": None}).rates == {}


@pytest.mark.parametrize("rate", ["", "fast", "0.4", "2.1", "-1", "nan", "1e999"])
def test_a_rate_out_of_range_is_refused(rate: str) -> None:
    with pytest.raises(ScriptError, match=r":1: the rate of S1 is .*not a number from 0\.5 to 2"):
        parse_script(f"S1 = anna, rate {rate}\n[S1] a")


@pytest.mark.parametrize("rate", ["fast", True, 0.4, 3, float("nan"), [1]])
def test_a_rate_out_of_range_is_refused_in_json(rate: object) -> None:
    with pytest.raises(ScriptError, match=r"rate of speaker S1 is .*not a number from 0\.5 to 2"):
        published(("S1", "Hi"), S1={"rate": rate})


def test_a_rate_needs_a_voice() -> None:
    with pytest.raises(ScriptError, match="no voice after S1 ="):
        parse_script("S1 = , rate 1\n[S1] a")
