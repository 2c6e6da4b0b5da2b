"""`podtts convert`, and scripts of other tools in `check`, `synth` and `batch`."""

import json
from pathlib import Path

import pytest
from support.commands import Result, run
from support.golden_data import MODEL


@pytest.fixture
def flags(prepared: Path) -> list[str]:
    return ["--model", str(MODEL), "--cache-dir", str(prepared)]


def turns_of(text: str, flags: list[str], *more: str) -> list[tuple[str, str, str]]:
    """The turns that check lists: label, voice, and text as written."""
    plan = run("check", "-", *flags, *more, "--json", stdin=text).done().json
    voices = {speaker["label"]: speaker["voice"] for speaker in plan["speakers"]}
    return [
        (turn["speaker"], voices[turn["speaker"]], turn["written"] or turn["spoken"])
        for turn in plan["turns"]
    ]


TWO = [("anna", "anna", "Are you ready for it?"), ("ben", "ben", "I am as ready as ever.")]


@pytest.mark.parametrize(
    "text",
    [
        "anna:Are you ready for it?\nben:I am as ready as ever.\n",
        "anna:\nAre you ready for it?\nben:\nI am as ready as ever.\n",
        "[anna] Are you ready for it? [ben] I am as ready as ever.",
        "[00:07] anna: Are you ready for it?\n[00:11] ben: I am as ready as ever.",
        "<anna>Are you ready for it?</anna>\n<ben>I am as ready as ever.</ben>",
        "7\n00:00:07,000 --> 00:00:09,000\nanna: Are you ready\nfor it?\n\n"
        "8\n00:00:11,000 --> 00:00:12,000\nben: I am as ready as ever.\n",
        json.dumps(
            {
                "transcript": [
                    {"speaker": "anna", "dialogue": "Are you ready for it?"},
                    {"speaker": "ben", "dialogue": "I am as ready as ever."},
                ]
            }
        ),
        "\ufeff[anna]: Are you ready for it?\r\n\r\n[ben]: I am as ready as ever.\r\n",
    ],
)
def test_forms_with_known_voices(text: str, flags: list[str]) -> None:
    assert turns_of(text, flags) == TWO


def test_a_voice_is_found_in_any_case(flags: list[str]) -> None:
    text = "**Anna:** Are you *ready* for it?\n\n- BEN: I am as ready as ever.\n"
    assert turns_of(text, flags) == [
        ("Anna", "anna", "Are you ready for it?"),
        ("BEN", "ben", "I am as ready as ever."),
    ]


def test_labels_with_spaces_are_mapped_by_flags_and_headers(flags: list[str]) -> None:
    text = "Speaker 2 = ben\nSpeaker 1: Are you ready for it?\nSpeaker 2: I am as ready as ever.\n"
    assert turns_of(text, flags, "--speaker", "Speaker 1=anna") == [
        ("Speaker 1", "anna", "Are you ready for it?"),
        ("Speaker 2", "ben", "I am as ready as ever."),
    ]


def test_words_that_look_like_a_label_are_refused_with_both_readings(flags: list[str]) -> None:
    result = run("check", "-", *flags, stdin="[anna] Good morning, all.\nNote: bring an umbrella.")
    assert result.code == 3
    error = result.said[-1]
    assert "<stdin>:2: no voice 'Note' is prepared for Note" in error
    assert "--speaker Note=VOICE" in error
    assert "if line 2 continues the turn above, indent it" in error


def test_an_export_of_the_web_ui_brings_its_recordings(
    flags: list[str], speakers: Path, tmp_path: Path
) -> None:
    export = {
        "version": "1.0",
        "num_speakers": 1,
        "speakers": [{"prompt_audio": "speakers/anna.wav", "prompt_text": "What she says."}],
        "text_inputs": ["[S1] Is it on? <|pause:700|>\n[S1] Then let us begin with it."],
    }
    script = tmp_path / "export.json"
    script.write_text(json.dumps(export))
    assert (speakers / "anna.wav").is_file()
    plan = run("check", script, *flags, "--json").done().json
    assert [turn["pause"] for turn in plan["turns"]] == [0.0, 0.7]
    assert plan["speakers"][0]["state"] != "missing"
    script.write_text(json.dumps(export).replace("anna.wav", "gone.wav"))
    result = run("check", script, *flags)
    assert result.code == 3
    assert "gone.wav, is not there" in result.said[-1]
    assert "--speaker S1=VOICE" in result.said[-1]


SILENT = "[anna] We begin with a story, friends.\n[ben] ...\n[anna] And then we go on with it.\n"


def test_a_turn_with_nothing_to_say_is_silence_in_sound_and_subtitles(
    flags: list[str], tmp_path: Path
) -> None:
    script, output = tmp_path / "talk.txt", tmp_path / "talk.wav"
    script.write_text(SILENT)
    checked = run("check", script, *flags).done()
    synth = run("synth", script, "-o", output, *flags, "--preset", "fast", "--subtitles", "json")
    said = synth.done().said
    assert "nothing to say in this turn" in checked.said[0]
    assert checked.said[0] in said
    segments = json.loads((tmp_path / "talk.subtitles.json").read_text())["segments"]
    assert [segment["body"] for segment in segments] == [
        "We begin with a story, friends.",
        "And then we go on with it.",
    ]
    silence = segments[1]["startSample"] - segments[0]["endSample"]
    assert silence >= 0.8 * 24_000


MANY = """\
[anna] (laughs) Good morning to you all, dear friends.
[ben] Yes 🎉
[anna] <|Yue|>你好。
[anna] So [door slams] it goes.
[ben] .
[anna] That is it.
"""


def test_synth_and_batch_print_every_warning_of_check(
    flags: list[str], tmp_path: Path, prepared: Path
) -> None:
    script = tmp_path / "scripts" / "talk.txt"
    script.parent.mkdir()
    script.write_text(MANY, encoding="utf-8")

    def warnings(result: Result) -> list[str]:
        return [line for line in result.said if line.startswith("podtts: warning: ")]

    checked = warnings(run("check", script, *flags))
    assert len(checked) >= 6
    limited = ("--limit-turns", "1", "--preset", "fast")
    assert warnings(run("synth", script, "-o", tmp_path / "a.wav", *limited, *flags)) == checked
    assert warnings(run("batch", script.parent, "-o", tmp_path / "b", "--check", *flags)) == checked


def test_convert_writes_the_own_form_and_says_what_it_left_out(
    flags: list[str], tmp_path: Path
) -> None:
    cache = flags[2:]
    source, own = tmp_path / "talk.md", tmp_path / "own.txt"
    source.write_text(
        "# One\n\n**Anna (softly):** Good *morning*. [pause]\n\n---\n\n**Ben:** Yes.\n"
    )
    result = run("convert", source, *cache).done()
    assert result.lines == ["# One", "", "[Anna] Good morning.", "[Ben] [pause 0.8] Yes."]
    assert [line.removeprefix(f"podtts: warning: {source}:") for line in result.said] == [
        "3: a direction is left out: (softly)",
        "3: [pause] is read as [pause 0.8]",
    ]
    voices = ("--speaker", "Anna=clara")
    run("convert", source, "-o", own, *voices, *cache).done()
    text = own.read_text()
    assert text.startswith("Anna = clara\nBen = Ben\n\n# One\n")
    assert run("convert", own, *cache).done().stdout.decode() == text


def test_convert_refuses_what_it_cannot_write(flags: list[str], tmp_path: Path) -> None:
    script = tmp_path / "talk.txt"
    script.write_text("[anna] Hello.\n")
    same = run("convert", script, "-o", script, *flags[2:])
    assert (same.code, same.error) == (2, f"-o {script} is the script itself; choose another file")
    unknown = run("convert", script, "--speaker", "bob=anna", *flags[2:])
    assert unknown.code == 2
    mode = run("convert", script, "--directions", "tag", *flags[2:])
    assert mode.code == 2
    assert "unknown way of reading directions 'tag'; did you mean tags?" in mode.error
    refused = run("convert", "-", "--directions", "refuse", *flags[2:], stdin="[anna] (laughs) Hi.")
    assert refused.code == 3
    assert refused.error.startswith("<stdin>:1: (laughs) is a direction; the tags are <|laughter|>")
