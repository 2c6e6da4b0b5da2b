import pytest
from hypothesis import given
from hypothesis import strategies as st

from podtts.text.pauses import MAX_PAUSE_SECONDS, PAUSE_SPELLINGS, Pause, split_pauses
from podtts.text.tags import TagProblem


@pytest.mark.parametrize(
    ("mark", "seconds"),
    [
        ("[pause 0.8]", 0.8),
        ("[pause 2]", 2.0),
        ("[Pause .5s]", 0.5),
        ("[pause  1.5 s]", 1.5),
        ("<|pause:300|>", 0.3),
        ("<|PAUSE:1500|>", 1.5),
        ("[pause 600]", 600.0),  # the limit applies when turns are built
    ],
)
def test_valid_pauses_are_parsed(mark: str, seconds: float) -> None:
    assert split_pauses(f"before {mark} after") == ["before ", Pause(seconds), " after"]


def test_the_listed_spellings_are_valid() -> None:
    for spelling, _ in PAUSE_SPELLINGS:
        assert isinstance(split_pauses(spelling), list)
    assert f"{MAX_PAUSE_SECONDS:g}" in PAUSE_SPELLINGS[0][1]


def test_blank_texts_between_pauses_are_dropped() -> None:
    assert split_pauses("[pause 1] [pause 2]a <|sigh|>[pause 3] ") == [
        Pause(1.0),
        Pause(2.0),
        "a <|sigh|>",
        Pause(3.0),
    ]


@pytest.mark.parametrize(
    "mark",
    [
        "[pause]",
        "[pause 0,8]",
        "[pause:0.8]",
        "[pause -1]",
        "[pause 0]",
        "[pause 1e3]",
        "[pause nan]",
        "[pause ０.８]",
        "[pause for effect]",
        "[pause 1",
        "<|pause|>",
        "<|pause:|>",
        "<|pause:1s|>",
        "<|pause 300|>",
        "<|pause:300",
        "<|break:300|>",
        '<break time="500ms"/>',
        "<break>",
        "<#0.5#>",
        "[break 500ms]",
        "[silence 2]",
    ],
)
def test_misspelled_pauses_are_refused(mark: str) -> None:
    problem = split_pauses(f"Wait {mark} here")
    assert isinstance(problem, TagProblem)
    assert problem.offset == 5
    assert "is not a valid pause" in problem.problem or "SSML" in problem.problem
    assert "[pause 0.8]" in problem.hint
    assert "<|pause:300|>" in problem.hint


@pytest.mark.parametrize("mark", ["<speak>", "</prosody>", '<emphasis level="strong">', "<s>"])
def test_ssml_is_refused(mark: str) -> None:
    problem = split_pauses(mark)
    assert isinstance(problem, TagProblem)
    assert "SSML" in problem.problem


@pytest.mark.parametrize(
    "text",
    [
        "a pause of 3 seconds",
        "he paused [pauses] (pause 2)",
        "[paused 3]",
        "2 < 3 and 5 > 4",
        "<3",
        "[silence]",
        "I love <3 you",
        "[sic]",
    ],
)
def test_ordinary_text_contains_no_pause(text: str) -> None:
    assert split_pauses(text) == [text]


@given(st.lists(st.sampled_from(["[pause 1]", "<|pause:20|>", "word", " ", "你好。", "<|sigh|>"])))
def test_no_words_and_no_pauses_are_lost(parts: list[str]) -> None:
    split = split_pauses("".join(parts))
    assert isinstance(split, list)
    pauses = [part for part in split if isinstance(part, Pause)]
    assert len(pauses) == parts.count("[pause 1]") + parts.count("<|pause:20|>")
    words = "".join(part for part in split if isinstance(part, str))
    expected = "".join(part for part in parts if "pause" not in part)
    assert words.replace(" ", "") == expected.replace(" ", "")
