"""The first minute: a folder to begin with, who can speak, and voices for scripts without any."""

import shlex
from pathlib import Path

import pytest
import soundfile
from support.commands import run
from support.golden_data import MODEL

from podtts.prompts.voices import VoiceStore

BUNDLED = ["anna", "ben", "clara", "jun", "mei", "oscar"]


def test_the_commands_of_a_new_folder_work(tmp_path: Path) -> None:
    shown = run("init", "my podcast", cwd=tmp_path).done()
    folder, cache = tmp_path / "my podcast", tmp_path / "cache"
    commands = [shlex.split(line) for line in shown.lines if line.startswith("  ")]
    assert commands[0] == ["cd", "my podcast"]
    assert [command[:2] for command in commands[1:]] == [
        ["podtts", "check"],
        ["podtts", "synth"],
        ["podtts", "prep"],
    ]
    for command in commands[1:]:
        flags = ["--flow-steps", "1", "--limit-turns", "2"] if command[1] == "synth" else []
        run(*command[1:], *flags, "--cache-dir", cache, cwd=folder).done()
    assert (folder / "talk.mp3").is_file()
    assert (folder / "talk.html").is_file()
    assert [voice.name for voice in VoiceStore(cache).list()] == BUNDLED
    readme = (folder / "README.md").read_text()
    assert all(f"`{shlex.join(command)}`" in readme for command in commands[1:])


def test_only_a_new_or_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run("init", tmp_path / "empty").done()
    before = sorted(tmp_path.rglob("*"))
    for name, words in (("empty", "is no empty folder"), ("no/folder", "there is no folder")):
        refused = run("init", tmp_path / name)
        assert refused.code == 2
        assert words in refused.error
    assert sorted(tmp_path.rglob("*")) == before


def test_the_voices_that_come_with_podtts_are_listed(tmp_path: Path) -> None:
    rows = run("voices", "--json", "--cache-dir", tmp_path).done().json
    assert [row["voice"] for row in rows] == BUNDLED
    for row in rows:
        language = "zh" if row["voice"] in {"jun", "mei"} else "en"
        assert (row["origin"], row["language"]) == ("bundled", language)
        assert "no person" in row["consent"]
        assert 4 < soundfile.info(row["sample"]).duration < 7
        assert abs(row["seconds"] - soundfile.info(row["sample"]).duration) < 0.1
    lines = run("voices", "--cache-dir", tmp_path).done().lines
    assert lines[1].startswith("ben: bundled, en, 5.8 s, consent: none needed")
    assert lines[1].endswith("/ben.wav")
    fresh = run("cache", "ls", "--cache-dir", tmp_path).done()
    assert fresh.lines == []
    assert "anna, ben, clara, jun, mei, oscar come with podtts" in fresh.said[-1]


def test_prepared_voices_are_listed_with_their_consent_and_can_be_heard(
    speakers: Path, tmp_path: Path
) -> None:
    flags = ("--model", MODEL, "--cache-dir", tmp_path / "cache")
    note = "Anna agreed on 31 January, by mail"
    run("prep", speakers / "anna.wav", "--consent", note, *flags).done()
    run("prep", speakers, *flags).done()  # the note stays
    (tmp_path / "samples").mkdir()
    rows = run("voices", "--json", "--samples", tmp_path / "samples", *flags).done().json
    assert [(row["voice"], row["origin"], row["consent"]) for row in rows] == [
        ("anna", "prepared", note),
        ("ben", "prepared", None),
    ]
    for row in rows:
        sample = soundfile.info(row["sample"])
        assert sample.samplerate == 24_000
        assert sample.duration == pytest.approx(row["seconds"])
    run("prep", speakers / "anna.wav", "--name", "eva", "--consent", note, *flags).done()
    other = run("voices", "--cache-dir", tmp_path / "cache").done().lines
    assert other[0].startswith("eva: for another model, ")
    assert note in other[0]


def test_labels_that_nothing_maps_get_an_offer(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("S2 = ben\n[S1] Hello.\n[S2] Hi.\n[S3] Good morning.\n")
    cache = ("--cache-dir", tmp_path / "cache")
    for command in (("check", "talk.txt"), ("synth", "talk.txt", "-o", "talk.wav")):
        refused = run(*command, *cache, cwd=tmp_path)
        assert refused.code == 3
        assert "talk.txt:2: nothing says who speaks S1 and S3; " in refused.stderr
        offer = refused.said[-1].partition("run: podtts ")[2]
        words = shlex.split(offer)
        assert words[-4:] == ["--speaker", "S1=anna", "--speaker", "S3=clara"]
        run(*words, *(["--dry-run"] if command[0] == "synth" else []), cwd=tmp_path).done()


def test_a_model_without_voices_of_its_own_has_none_to_offer(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("[S1] Hello.\n")
    flags = ("--model", MODEL, "--cache-dir", tmp_path / "cache")
    refused = run("check", tmp_path / "talk.txt", *flags)
    assert "no voice 'S1' is prepared for S1" in refused.said[-1]


def test_the_small_model_is_explained_once_to_those_who_did_not_name_it(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("[ben] Good morning, everybody. How do you do?\n")
    flags = ("--cache-dir", tmp_path / "cache", "--flow-steps", "1")
    command = ("synth", tmp_path / "talk.txt", "-o", tmp_path / "talk.wav", *flags)
    notice = "this is mini, a small demonstration model"
    assert notice not in run(*command, "--model", "mini").done().stderr
    assert run(*command, "--quiet").done().stderr == ""  # nor does that count as said
    first, second = run(*command).done(), run(*command).done()
    assert notice in first.said[0]
    assert notice not in second.stderr
    assert second.said[0].startswith("model ")
    assert "/mini, " in second.said[0]  # which model speaks is said always


def test_a_bundled_voice_speaks_where_the_users_own_is_of_another_model(
    speakers: Path, tmp_path: Path
) -> None:
    (tmp_path / "talk.txt").write_text("[anna] Good morning, everybody.\n")
    cache = ("--cache-dir", tmp_path / "cache")
    run("prep", speakers / "anna.wav", "--model", MODEL, *cache).done()
    checked = run("check", tmp_path / "talk.txt", *cache).done()
    [line] = [said for said in checked.said if "warning" in said]
    assert "the anna that comes with podtts speaks instead" in line
    assert "anna (cached)" in checked.lines[1]
    rows = run("voices", "--json", *cache).done().json
    assert [row["voice"] for row in rows] == BUNDLED
    assert {row["origin"] for row in rows} == {"bundled"}
