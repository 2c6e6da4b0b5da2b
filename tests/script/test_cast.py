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


def test_speaker_flags_are_parsed() -> None:
    flags = ["S1=alice", " S2 = bob the first ", "小明=a=b"]
    assert parse_speaker_flags(flags) == {"S1": "alice", "S2": "bob the first", "小明": "a=b"}
    assert parse_speaker_flags([]) == {}


@pytest.mark.parametrize("flag", ["", "S1", "S1=", "=alice", " = ", "S1:alice"])
def test_invalid_flags_are_refused(flag: str) -> None:
    with pytest.raises(UsageError, match="is not LABEL=VOICE"):
        parse_speaker_flags([flag])


def test_a_label_in_two_flags_is_refused() -> None:
    with pytest.raises(UsageError, match="S1 twice"):
        parse_speaker_flags(["S1=alice", "S1=bob"])


def test_the_voice_is_from_the_header_or_has_the_labels_name() -> None:
    assert cast_voices(TALK, {}) == (
        CastMember("A", "ann", None, 1),
        CastMember("Bo", "Bo", None, 2),
        CastMember("Cy", "Cy", None, 4),
    )


def test_a_flag_takes_precedence() -> None:
    voices = [member.voice for member in cast_voices(TALK, {"A": "zoe", "Cy": "ann"})]
    assert voices == ["zoe", "Bo", "ann"]


def test_a_recording_in_the_script_is_used() -> None:
    prompt = ScriptPrompt(Path("shows/a.wav"), "A.")
    assert cast_voices(PUBLISHED, {}) == (
        CastMember("S1", "S1", prompt, 1),
        CastMember("S2", "S2", None, 2),
    )


def test_a_flag_takes_precedence_over_a_recording() -> None:
    assert cast_voices(PUBLISHED, {"S1": "alice"})[0] == CastMember("S1", "alice", None, 1)


def test_voices_and_labels_are_composed_unicode() -> None:
    script = parse_script("[Zoé] x\n[B] y\n[É] z\nB = e")
    header = parse_script("B = E\u0301mile\n[B] y")
    overrides = parse_speaker_flags(["Zoe\u0301=Rene\u0301"])
    assert [member.voice for member in cast_voices(script, overrides)] == ["René", "B", "É"]
    assert cast_voices(header, {})[0].voice == "Émile"


def test_a_flag_for_an_unknown_label_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        cast_voices(TALK, {"bo": "alice"})
    assert caught.value.problem.endswith("bo, which is no speaker of talk.txt; did you mean Bo?")
    assert caught.value.hint == "its speakers are A, Bo, Cy"


def test_a_script_that_a_program_made_has_a_cast() -> None:
    script = Script("<program>", ("anna",), (Turn(0, "Hello."),))
    assert cast_voices(script, {}) == (CastMember("anna", "anna", None, 0),)
