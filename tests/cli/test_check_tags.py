"""Tags that a checkpoint's tokenizer does not know are found before any work is done."""

import shutil
from pathlib import Path

import pytest
from support.commands import run, run_and_list_modules

DIALECTS = "dialects need the checkpoint soulx-podcast-1.7b-dialect"
LEAVE_OUT = "leave it out, or choose another --model"
READ = "this checkpoint does not know {} and would read it aloud"


@pytest.fixture
def narrow_model(own_model: Path) -> Path:
    """The small checkpoint without two of the tags in its tokenizer."""
    for path in own_model.glob("*.json"):
        text = path.read_text()
        path.write_text(text.replace("<|Yue|>", "<|none_1|>").replace("<|sigh|>", "<|none_2|>"))
    return own_model


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "talk.txt"
    path.write_text(
        "S1 = anna\nS2 = ben\n[S1] Hello, everybody. <|laughter|>\n"
        "[S2] <|Yue|>你好世界。[pause 1] 早晨，大家好。\n\n[S1] What a day <|sigh|> it was.\n"
    )
    return path


def test_every_line_is_named_and_synth_refuses_the_same(
    script: Path, narrow_model: Path, prepared: Path, tmp_path: Path
) -> None:
    flags = ("--model", narrow_model, "--cache-dir", prepared)
    result, modules = run_and_list_modules("check", script, *flags)
    assert result.code == 3
    assert result.lines[-1].startswith("4 turns, about ")
    error = f"podtts: {script}:4: {READ.format('<|Yue|>')}; {DIALECTS}"
    *warnings, last = result.said
    assert warnings[-1] == f"podtts: warning: {script}:6: {READ.format('<|sigh|>')}"
    assert last == error
    assert not modules & {"torch", "transformers"}

    output = ("-o", tmp_path / "out.wav", "--verbose")
    refused = run("synth", script, *output, *flags)
    assert (refused.code, refused.said) == (3, [error])
    assert not (tmp_path / "out.wav.podtts").exists()

    checked = run("check", script, *flags, "--json")
    assert checked.code == 3
    assert checked.json["problems"] == [
        f"{script}:4: {READ.format('<|Yue|>')}",
        f"{script}:6: {READ.format('<|sigh|>')}",
    ]


def test_tags_in_the_transcript_of_a_voice_are_checked(
    narrow_model: Path, speakers: Path, tmp_path: Path
) -> None:
    (speakers / "anna.txt").write_text("A word <|sigh|> of mine.")
    (speakers / "ben.dialect.txt").write_text("<|Yue|>你好世界。")
    talk = tmp_path / "talk.txt"
    talk.write_text("[anna] Hello, everybody.\n[ben] Hello to you, too.\n")
    flags = ("--model", narrow_model, "--cache-dir", tmp_path / "cache", "--speakers", speakers)
    result = run("check", talk, *flags)
    assert result.code == 3
    wrong = "the texts of voice {}: " + READ
    assert result.said == [
        f"podtts: warning: {wrong.format('ben', '<|Yue|>')}",
        f"podtts: {wrong.format('anna', '<|sigh|>')}; {LEAVE_OUT}",
    ]


def test_a_tokenizer_that_only_transformers_reads_is_checked_by_synth(
    script: Path, narrow_model: Path, prepared: Path
) -> None:
    shutil.copy(narrow_model / "tokenizer.json", narrow_model / "vocab.json")
    (narrow_model / "tokenizer.json").unlink()
    result, modules = run_and_list_modules(
        "check", script, "--model", narrow_model, "--cache-dir", prepared
    )
    assert result.code == 0, result.stderr
    assert not modules & {"torch", "transformers"}


def test_the_complete_tokenizer_knows_all_tags(
    script: Path, own_model: Path, prepared: Path
) -> None:
    result = run("check", script, "--model", own_model, "--cache-dir", prepared, "--json").done()
    assert result.json["problems"] == []
