"""Labels -> voices."""

from pathlib import Path

import pytest

from podtts.errors import UsageError
from podtts.script.cast import CastMember, cast_voices, parse_speaker_flags
from podtts.script.model import Script, ScriptPrompt
from podtts.script.parse import parse_script
from podtts.script.published_json import parse_published
from podtts.values import Turn

TALK = parse_script("A = ann\n[Bo] x\n[A] y\n[Cy] z", "talk.txt")
PUBLISHED = parse_published(
    '{"speakers": {"S1": {"prompt_audio": "a.wav", "prompt_text": "A."},\n"S2": {}},'
    '"text": [["S1", "x"], ["S2", "y"]]}',
    "talk.json",
    Path("shows"),
)


def test_flags() -> None:
    flags = ["S1=alice", " S2 = bob the first ", "小明=a=b"]
    assert parse_speaker_flags(flags) == {"S1": "alice", "S2": "bob the first", "小明": "a=b"}
    assert parse_speaker_flags([]) == {}


@pytest.mark.parametrize("flag", ["", "S1", "S1=", "=alice", " = ", "S1:alice"])
def test_flags_that_cannot_be(flag: str) -> None:
    with pytest.raises(UsageError, match="is not LABEL=VOICE"):
        parse_speaker_flags([flag])


def test_a_label_given_twice() -> None:
    with pytest.raises(UsageError, match="S1 twice"):
        parse_speaker_flags(["S1=alice", "S1=bob"])


def test_header_then_the_label_itself() -> None:
    assert cast_voices(TALK, {}) == (
        CastMember("A", "ann", None, 1),
        CastMember("Bo", "Bo", None, 2),
        CastMember("Cy", "Cy", None, 4),
    )


def test_the_flag_wins() -> None:
    voices = [member.voice for member in cast_voices(TALK, {"A": "zoe", "Cy": "ann"})]
    assert voices == ["zoe", "Bo", "ann"]


def test_a_recording_in_the_script() -> None:
    prompt = ScriptPrompt(Path("shows/a.wav"), "A.")
    assert cast_voices(PUBLISHED, {}) == (
        CastMember("S1", "S1", prompt, 1),
        CastMember("S2", "S2", None, 2),
    )


def test_the_flag_wins_over_a_recording() -> None:
    assert cast_voices(PUBLISHED, {"S1": "alice"})[0] == CastMember("S1", "alice", None, 1)


def test_voices_and_labels_are_composed() -> None:
    script = parse_script("[Zoé] x\n[B] y\n[É] z\nB = e")
    header = parse_script("B = E\u0301mile\n[B] y")
    overrides = parse_speaker_flags(["Zoe\u0301=Rene\u0301"])
    assert [member.voice for member in cast_voices(script, overrides)] == ["René", "B", "É"]
    assert cast_voices(header, {})[0].voice == "Émile"


def test_a_flag_for_nobody() -> None:
    with pytest.raises(UsageError) as caught:
        cast_voices(TALK, {"bo": "alice"})
    assert caught.value.problem.endswith("bo, which is no speaker of talk.txt; did you mean Bo?")
    assert caught.value.hint == "its speakers are A, Bo, Cy"


def test_a_script_made_by_a_program() -> None:
    script = Script("<program>", ("anna",), (Turn(0, "Hello."),))
    assert cast_voices(script, {}) == (CastMember("anna", "anna", None, 0),)
