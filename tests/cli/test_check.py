import re
from pathlib import Path

import pytest
from support.commands import run, run_and_list_modules
from support.golden_data import MODEL

HEAVY = {"torch", "transformers", "onnxruntime", "soundfile", "torchaudio"}

SCRIPT = """\
S1 = anna, rate 0.5
S2 = ben
# An opening
[S1] She’s got 5 GWh. [pause 1.5] Do you believe it?
[S2] <|laughter|> Certainly not, no.
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "talk.txt"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


@pytest.fixture
def flags(prepared: Path) -> list[str]:
    return ["--model", str(MODEL), "--cache-dir", str(prepared)]


def table(lines: list[str]) -> list[list[str]]:
    return [re.split(r" {2,}", line.strip()) for line in lines]


def test_turns_voices_and_minutes_are_listed(script: Path, flags: list[str]) -> None:
    result = run("check", script, *flags).done()
    assert table(result.lines) == [
        ["turn", "line", "speaker", "voice", "about", "text"],
        ["1", "4", "S1", "anna, rate 0.5 (cached)", "4.0 s", "She’s got 5 GWh."],
        ["2", "4", "S1", "anna, rate 0.5 (cached)", "2.3 s", "[pause 1.5] Do you believe it?"],
        ["3", "5", "S2", "ben (cached)", "1.2 s", "<|laughter|> Certainly not, no."],
        ["3 turns in 1 chapter, about 9 s"],
    ]
    assert result.said == []


def test_text_prints_both_forms_and_marks_what_differs(
    script: Path, flags: list[str], tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("GWh = gigawatt hours\n", encoding="utf-8")
    lines = run("check", script, *flags, "--text", "--lexicon", words).done().lines
    assert lines[1].endswith("  «She’s» got «5 GWh».")
    assert lines[2].strip() == "= «She's» got «five gigawatt hours»."
    assert lines[3].endswith("  [pause 1.5] Do you believe it?")  # the same in both forms
    lines = run("check", script, *flags, "--text", "--no-normalize").done().lines
    assert lines[1].endswith("  She’s got 5 GWh.")


def test_no_weights_and_no_torch_are_loaded(script: Path, flags: list[str]) -> None:
    for command in (["check", str(script), "--json"], ["synth", str(script), "--dry-run"]):
        result, modules = run_and_list_modules(*command, *flags)
        assert result.code == 0, result.stderr
        assert "podtts" in modules
        assert not modules & HEAVY


def test_a_dry_run_prints_the_same_and_writes_nothing(
    script: Path, flags: list[str], tmp_path: Path
) -> None:
    checked = run("check", script, *flags).done()
    before = sorted(tmp_path.iterdir())
    output = ("-o", tmp_path / "out.wav")
    for target in ((), output):
        dry = run("synth", script, *target, "--dry-run", *flags).done()
        assert (dry.lines, dry.said) == (checked.lines, checked.said)
    assert sorted(tmp_path.iterdir()) == before
    refused = run("synth", script, "-o", tmp_path / "no" / "out.wav", "--dry-run", *flags)
    assert refused.code == 2


def test_json_has_all_figures(script: Path, flags: list[str]) -> None:
    plan = run("check", script, *flags, "--json").done().json
    assert plan["script"] == str(script)
    assert plan["seconds"] == 9.0
    assert plan["speakers"] == [
        {"label": "S1", "voice": "anna", "state": "cached", "rate": 0.5, "problem": None},
        {"label": "S2", "voice": "ben", "state": "cached", "rate": 1.0, "problem": None},
    ]
    assert [turn["number"] for turn in plan["turns"]] == [1, 2, 3]
    assert plan["turns"][1] == {
        "number": 2,
        "line": 4,
        "speaker": "S1",
        "continues": True,
        "pause": 1.5,
        "seconds": 2.3,
        "written": "Do you believe it?",
        "spoken": "Do you believe it?",
    }
    assert plan["turns"][0]["spoken"] == "She's got five gigawatt hours."
    assert plan["chapters"] == [{"title": "An opening", "turn": 1, "line": 3}]
    assert plan["warnings"] == []


def test_stdin_is_read(flags: list[str]) -> None:
    result = run("check", "-", *flags, stdin="[anna] Hello, everybody.\n").done()
    assert result.lines[-1] == "1 turn, about 1 s"


def test_a_missing_voice_is_listed_and_then_refused_like_in_synth(
    script: Path, flags: list[str], tmp_path: Path
) -> None:
    who = ("--speaker", "S2=carol")
    result = run("check", script, *flags, *who)
    assert result.code == 3
    assert "carol (missing)" in result.stdout.decode()
    synth = run("synth", script, "-o", tmp_path / "out.wav", *flags, *who)
    assert (synth.code, result.said) == (3, synth.said)
    listed = run("check", script, *flags, *who, "--json")
    assert listed.code == 3
    assert "no voice 'carol' is prepared" in listed.json["speakers"][1]["problem"]


def test_a_recording_is_listed_as_prepared_or_to_be_prepared(
    script: Path, speakers: Path, tmp_path: Path, flags: list[str]
) -> None:
    (speakers / "ben.wav").write_bytes((speakers / "anna.wav").read_bytes() + b"\0")
    result = run("check", script, "--speakers", speakers, *flags).done()
    assert "anna, rate 0.5 (cached)" in result.lines[1]
    assert "ben (to prepare)" in result.lines[3]
    assert not (tmp_path / "cache").exists()


def test_warnings_name_lines(flags: list[str], tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_text(
        "[anna] <|Yue|>你好世界。\n[anna] 今天天气很好。\n[ben] Ok\n[ben] " + "So it goes. " * 100,
        encoding="utf-8",
    )
    checked = run("check", path, *flags).done()
    assert re.fullmatch(r"\d turns, about 1\.\d minutes", checked.lines[-1])
    said = checked.said
    assert all(line.startswith(f"podtts: warning: {path}:") for line in said)
    lines = [line.removeprefix(f"podtts: warning: {path}:") for line in said]
    assert re.fullmatch(
        r"4: a turn of about \d+ s is split into \d turns, numbers 4 to \d", lines[0]
    )
    assert lines[1].startswith("2: anna speaks no dialect here, but <|Yue|> on line 1")
    assert lines[2] == "3: very short turns often fail: Ok"


def test_the_bundled_model_speaks_no_dialect(script: Path) -> None:
    assert run("check", script).done().said == []
    assert run("check", "-", stdin="[anna] 今天天气很好。").done().said == []
    said = run("check", "-", stdin="[anna] <|Sichuan|>今天天气很好。").done().said
    unfit = "mini, the bundled model, speaks no dialect: English and Mandarin only"
    assert said == [f"podtts: warning: <stdin>: {unfit}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[anna] Hi <|laugter|>", ":1: unknown tag <|laugter|>; did you mean laughter?"),
        (
            "[anna] Hi [pause 0]",
            ":1: [pause 0] is not a valid pause; a pause looks like this: [pause 0.8]",
        ),
        ("", ":1: the script is empty"),
    ],
)
def test_check_refuses_what_synth_refuses(text: str, words: str, flags: list[str]) -> None:
    result = run("check", "-", *flags, stdin=text)
    assert result.code == 3
    assert result.error.startswith(f"<stdin>{words}")


def test_a_bad_lexicon_is_refused_before_anything_else(
    script: Path, flags: list[str], tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("GWh = gigawatt hours\nnonsense\n", encoding="utf-8")
    for command in (["check", str(script)], ["synth", str(script), "-o", str(tmp_path / "o.wav")]):
        result, modules = run_and_list_modules(*command, "--lexicon", words, *flags)
        assert result.code == 3
        assert result.error.startswith(
            f"{words}:2: this is not an entry: nonsense; an entry looks like this"
        )
        assert "torch" not in modules


def test_an_unknown_model_is_refused(script: Path) -> None:
    assert run("check", script, "--model", "no-such-model").code == 4
