"""Outputs that are refused before any weight is loaded: read-only ones, and ones without a name."""

import json
from pathlib import Path

import pytest
from support.commands import run, run_and_list_modules
from support.golden_data import MODEL

FLAGS = ("--model", MODEL, "--flow-steps", "1", "--max-turn-tokens", "12")


def protected(path: Path) -> Path:
    path.write_text("protected")
    path.chmod(0o444)
    return path


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("out.wav", ()),
        ("out.srt", ("--subtitles", "srt")),
        ("out.transcript.md", ("--transcript",)),
    ],
)
def test_a_read_only_file_is_not_replaced(
    name: str, flags: tuple[str, ...], talk: Path, prepared: Path, tmp_path: Path
) -> None:
    file = protected(tmp_path / name)
    refused, modules = run_and_list_modules(
        "synth", talk, "-o", tmp_path / "out.wav", *FLAGS, "--cache-dir", prepared, *flags
    )
    assert refused.code == 2
    assert refused.error == (
        f"{file} is read-only; allow writing to it, or choose another output file"
    )
    assert "torch" not in modules
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert file.read_text() == "protected"


def test_a_batch_leaves_read_only_episodes_and_makes_the_others(
    talk: Path, prepared: Path, tmp_path: Path
) -> None:
    scripts, output = tmp_path / "scripts", tmp_path / "out"
    scripts.mkdir()
    output.mkdir()
    for name in ("e1", "e2"):
        (scripts / f"{name}.txt").write_text("S1 = anna\n[S1] Hi.\n")
    file = protected(output / "e1.wav")
    command = ("batch", scripts, "-o", output, *FLAGS, "--cache-dir", prepared)
    first = run(*command)
    assert first.code == 1
    assert f"{file} is read-only" in first.stderr
    assert file.read_text() == "protected"
    assert (output / "e2.wav").stat().st_size > 44

    # A finished episode may be protected: it is done, and there is nothing to write.
    file.unlink()
    run(*command).done()
    file.chmod(0o444)
    before = file.stat()
    run(*command).done()
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    lines = [json.loads(line) for line in (output / "summary.jsonl").read_text().splitlines()]
    assert [line["state"] for line in lines] == ["done", "done"]


def test_an_exported_voice_does_not_replace_a_read_only_file(
    prepared: Path, tmp_path: Path
) -> None:
    file = protected(tmp_path / "anna.voice")
    refused = run("cache", "export", "anna", file, "--cache-dir", prepared)
    assert refused.code == 5
    assert refused.error.startswith(f"{file}: cannot be written: anna.voice is read-only; choose")
    assert file.read_text() == "protected"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("synth", "TALK", "-o", ""), "-o '' names no file; name an audio file, such as talk.wav"),
        (("synth", "TALK", "-o", "x.wav", "--page", ""), "'--page': it is empty"),
        (("synth", "TALK", "-o", "x.wav", "--log-json", ""), "--log-json '' names no file"),
        (("synth", "TALK", "-o", "x.wav", "--cache-dir", ""), "PODTTS_CACHE_DIR'): it is empty"),
        (("synth", "TALK", "-o", "x.wav", "--speakers", ""), "'--speakers': it is empty"),
        (("batch", "TALK", "-o", ""), "'--output' / '-o': it is empty"),
        (("prep", ""), "it is empty"),
        (("cache", "export", "anna", ""), "it is empty"),
        (("bench", "--json", ""), ". is a folder"),
        (("bench", "--picture", "x.svg"), "--picture draws the figures of --sweep; add --sweep"),
    ],
)
def test_an_empty_name_is_not_the_current_folder(
    command: tuple[str, ...], words: str, talk: Path, tmp_path: Path
) -> None:
    given = [str(talk) if part == "TALK" else part for part in command]
    refused = run(*given, cwd=tmp_path)
    assert refused.code == 2
    assert words in refused.error
    assert list(tmp_path.iterdir()) == []
