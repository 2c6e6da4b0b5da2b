import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podtts.errors import ScriptError
from podtts.script.model import Script, ScriptPrompt
from podtts.script.published_json import parse_published
from podtts.values import Turn

FOLDER = Path("shows")
SPEAKER = {"prompt_audio": "a.wav", "prompt_text": "What is said."}


def parsed(script: object) -> Script:
    return parse_published(json.dumps(script, ensure_ascii=False), "talk.json", FOLDER)


def refused(text: str) -> ScriptError:
    with pytest.raises(ScriptError) as caught:
        parse_published(text, "talk.json", FOLDER)
    assert caught.value.problem.startswith(f"talk.json:{caught.value.line}: ")
    return caught.value


def test_a_complete_script() -> None:
    text = """{
  "speakers": {
    "S1": {"prompt_audio": "voices/a.wav", "prompt_text": " Hello. "},
    "S2": {
      "prompt_audio": "/data/b.wav",
      "prompt_text": "你好\\n世界",
      "dialect_prompt": "<|Yue|>哈囉"
    }
  },
  "text": [
    ["S2", "Hi <|laughter|>"], ["S1", "one\\ntwo\\r\\n three"],

    [
      "S2",
      "bye"
    ]
  ]
}
"""
    assert parse_published(text, "talk.json", FOLDER) == Script(
        source="talk.json",
        labels=("S1", "S2"),
        turns=(
            Turn(1, "Hi <|laughter|>", 11),
            Turn(0, "one two three", 11),
            Turn(1, "bye", 13),
        ),
        prompts={
            "S1": ScriptPrompt(Path("shows/voices/a.wav"), "Hello."),
            "S2": ScriptPrompt(Path("/data/b.wav"), "你好 世界", "<|Yue|>哈囉"),
        },
        label_lines={"S1": 3, "S2": 4},
    )


def test_labels_may_have_any_characters() -> None:
    script = parsed({"speakers": {"the host: 1": {}, "2": {}}, "text": [["2", "a"]]})
    assert script.labels == ("the host: 1", "2")


def test_composed_and_decomposed_labels_are_equal() -> None:
    assert parsed({"speakers": {"É": {}}, "text": [["E\u0301", "x"]]}).turns[0].speaker == 0


@pytest.mark.parametrize(
    "speaker",
    [{}, {"prompt_audio": "", "prompt_text": " "}, {"prompt_audio": None, "dialect_prompt": None}],
)
def test_a_label_without_recording_has_no_prompt(speaker: dict[str, str | None]) -> None:
    assert parsed({"speakers": {"S1": speaker}, "text": [["S1", "x"]]}).prompts == {}


@pytest.mark.parametrize(
    ("speaker", "wanted"),
    [
        ({"prompt_audio": "a.wav"}, "speaker S1 has no prompt_text"),
        ({"prompt_audio": "a.wav", "prompt_text": " \n"}, "speaker S1 has no prompt_text"),
        ({"prompt_text": "What is said."}, "speaker S1 has no prompt_audio"),
        ({"dialect_prompt": "<|Yue|>哈囉"}, "speaker S1 has no prompt_audio"),
        ({**SPEAKER, "dialect_prompt": "哈囉"}, "must begin with one of <|Sichuan|>, <|Yue|>"),
        ({**SPEAKER, "dialect_prompt": "<|Yue|>哈<|囉"}, "dialect_prompt of speaker S1: <| with"),
        ({**SPEAKER, "prompt_text": "a <|text_end|>"}, "prompt_text of speaker S1: unknown tag"),
        ({**SPEAKER, "prompt_text": "a \0 b"}, "NUL"),
        ({**SPEAKER, "prompt_audio": "a\0.wav"}, "NUL"),
        ({**SPEAKER, "prompt_text": 3}, "prompt_text of speaker S1 must be a string"),
        ({**SPEAKER, "prompt_audio": ["a.wav"]}, "prompt_audio of speaker S1 must be a string"),
        ("a.wav", "speaker S1 must be an object"),
        (None, "speaker S1 must be an object"),
    ],
)
def test_invalid_speakers_are_refused(speaker: object, wanted: str) -> None:
    entry = json.dumps({"S1": speaker}, ensure_ascii=False)[1:-1]
    error = refused('{"speakers":\n{"S0": {},\n\n' + entry + '},\n"text": [["S0", "x"]]}')
    assert wanted in error.problem
    assert error.line == 4


@pytest.mark.parametrize(
    ("turn", "wanted"),
    [
        ('["S1", ""]', "the turn of S1 has no text"),
        ('["S1", " \\n\\t "]', "the turn of S1 has no text"),
        ('["S1"]', "a turn must be a label and a text"),
        ('["S1", "a", "b"]', "a turn must be a label and a text"),
        ('["S1", 7]', "a turn must be a label and a text"),
        ('[null, "a"]', "a turn must be a label and a text"),
        ('{"S1": "a"}', "a turn must be a label and a text"),
        ('"S1"', "a turn must be a label and a text"),
        ('["", "a"]', "a label must not be empty"),
        ('["S3", "a"]', '"speakers" has no "S3"; did you mean S1?'),
        ('["bob", "a"]', '"speakers" has no "bob"'),
        ('["S1",\n "<|laugh|>"]', "unknown tag <|laugh|>; did you mean laughter?"),
        ('["S1", "a |> b"]', "|> without <|"),
        ('["S1", "a \\u0000 b"]', "NUL"),
        ('["S1", "a \\u001b b"]', "control character (U+001B)"),
        ('["S1", "a \\ud83d b"]', "control character (U+D83D)"),
    ],
)
def test_invalid_turns_are_refused(turn: str, wanted: str) -> None:
    error = refused(
        '{"speakers": {"S1": {}}, "text":\n [["S1", "x"],\n["S1", "y"] ,\n\n' + turn + "\n]}"
    )
    assert wanted in error.problem
    assert error.line == 5


def test_an_escaped_surrogate_pair_is_one_character() -> None:
    text = '{"speakers": {"S1": {}}, "text": [["S1", "\\ud835\\udc00"]]}'
    assert parse_published(text, "a", FOLDER).turns[0].text == "𝐀"


@pytest.mark.parametrize(
    ("text", "line", "wanted"),
    [
        ("", 1, "not valid JSON: Expecting value (column 1)"),
        ('{\n "speakers": {},\n}', 3, "not valid JSON"),
        ('{\n "text": "a\nb"}', 2, "not valid JSON: Invalid control character"),
        ('{}\n"more"', 2, "not valid JSON: Extra data"),
        ("\n[1, 2]", 2, 'an object with "speakers" and "text"'),
        ("3", 1, 'an object with "speakers" and "text"'),
        ("\n\n{}", 3, 'the script has no "speakers"'),
        ('{"speakers": {"S1": {}}}', 1, 'the script has no "text"'),
        ('{\n"speakers":\n {}, "text": []}', 2, '"speakers" must be an object of speakers'),
        ('{\n"speakers": ["S1"], "text": []}', 2, '"speakers" must be an object of speakers'),
        ('{"speakers": {"S1": {}},\n"text": []}', 2, "the script has no turns"),
        ('{"speakers": {"S1": {}},\n"text": "S1: a"}', 2, '"text" must be an array of turns'),
        ('{"speakers": {"": {}}, "text": []}', 1, "a label must not be empty"),
        ('{"speakers": {"A": {},\n"A": {}}, "text": []}', 2, '"speakers" has "A" twice'),
        ('{"speakers": {"É": {},\n"E\u0301": {}}, "text": []}', 2, '"speakers" has "É" twice'),
        ('{"text": [],\n"text": []}', 2, 'the script has "text" twice'),
        ("[" * 200_000, 1, "nested too deeply"),
        ('{"a":' * 200_000, 1, "nested too deeply"),
        ('{"speakers": \x01', 1, "control character"),
    ],
)
def test_invalid_files_are_refused(text: str, line: int, wanted: str) -> None:
    error = refused(text)
    assert wanted in error.problem
    assert error.line == line


def test_a_fifth_speaker_is_refused() -> None:
    speakers = ",\n".join(f'"{name}": {{}}' for name in ("Al", "Bo", "Cy", "Di", "Ed"))
    error = refused(f'{{"speakers": {{\n{speakers}}},\n"text": [["Al", "x"]]}}')
    assert error.line == 6
    assert "Ed would be speaker 5" in error.problem
    assert "Al, Bo, Cy, Di" in error.problem


def test_unknown_keys_are_reported_with_a_suggestion() -> None:
    script = parse_published(
        '{"speakers":\n{"S1": {\n"promt_text": "x"}},\n"text": [["S1", "x"]],\n"texts": 1, "q": 2}',
        "talk.json",
        FOLDER,
    )
    assert script.warnings == (
        'talk.json:5: "texts" of the script is not used; did you mean text?',
        'talk.json:5: "q" of the script is not used',
        'talk.json:3: "promt_text" of speaker S1 is not used; did you mean prompt_text?',
    )


def test_very_long_numbers_in_unknown_keys_are_ignored() -> None:
    text = f'{{"n": {"9" * 5000}, "speakers": {{"S1": {{}}}}, "text": [["S1", "x"]]}}'
    assert len(parse_published(text, "a", FOLDER).turns) == 1


def test_a_speaker_without_turns_is_reported() -> None:
    script = parsed({"speakers": {"S1": {}, "S2": {}}, "text": [["S1", "x"]]})
    assert script.warnings == ("talk.json:1: S2 never speaks",)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_all_line_ends_and_a_byte_order_mark_are_accepted(newline: str) -> None:
    lines = ["\ufeff{", '"speakers": {"S1": {}},', '"text": [', '["S1", "x"]]}']
    assert parse_published(newline.join(lines), "a", FOLDER).turns[0].line == 4


def test_a_hundred_thousand_turns_are_parsed() -> None:
    turns = ",\n".join(['["S1", "x"]'] * 100_000)
    script = parse_published(f'{{"speakers": {{"S1": {{}}}},\n"text": [\n{turns}]}}', "a", FOLDER)
    assert script.turns[-1] == Turn(0, "x", 100_002)


def test_a_turn_of_a_megabyte_is_parsed() -> None:
    text = "a \n" * 300_000 + " " * 300_000
    assert (
        parsed({"speakers": {"S": {}}, "text": [["S", text]]}).turns[0].text == "a " * 299_999 + "a"
    )


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["S1", "speakers", "text", "prompt_text"]), inner)
    ),
    max_leaves=8,
)
_LABELS = st.sampled_from(["S1", "S2", "", "É", "x\0"])
_ALMOST = st.fixed_dictionaries(
    {
        "speakers": st.dictionaries(
            _LABELS,
            st.fixed_dictionaries(
                {},
                optional={"prompt_audio": st.text(max_size=3), "prompt_text": st.text(max_size=3)},
            )
            | _JSON,
            max_size=3,
        )
        | _JSON,
        "text": st.lists(st.tuples(_LABELS, st.text(max_size=5)) | _JSON, max_size=3) | _JSON,
    }
)


def outcome(text: str) -> Script | ScriptError:
    try:
        return parse_published(text, "talk.json", FOLDER)
    except ScriptError as error:
        return error


@settings(deadline=None)
@given(_JSON | _ALMOST, st.sampled_from([None, 1]))
def test_any_json_parses_or_is_refused_with_its_line(value: object, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    script = outcome(text)
    if isinstance(script, ScriptError):
        assert 1 <= script.line <= text.count("\n") + 1
    else:
        assert all(turn.text == turn.text.strip() != "" for turn in script.turns)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_refused_with_its_line(text: str) -> None:
    error = outcome(text)
    assert isinstance(error, ScriptError)
    assert error.line >= 1
