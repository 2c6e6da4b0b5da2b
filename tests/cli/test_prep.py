import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest
import soundfile
from support.commands import Result, run, run_and_list_modules, started
from support.golden_data import GOLDEN, MODEL

A, C = GOLDEN / "audio" / "a_24k_mono.wav", GOLDEN / "audio" / "c_16k_quiet.wav"


def voice(cache: Path, name: str) -> dict[str, str]:
    content: dict[str, str] = json.loads((cache / "voices" / f"{name}.json").read_text())
    return content


def stored(cache: Path) -> dict[str, bytes]:
    """Every file of a cache."""
    files = (path for path in cache.rglob("*") if path.is_file())
    return {str(path.relative_to(cache)): path.read_bytes() for path in files}


def test_a_folder_prints_a_line_for_every_voice(first_prep: tuple[Path, Result]) -> None:
    cache, result = first_prep
    assert len(result.lines) == 2
    assert re.fullmatch(r"anna: prepared, 7\.4 s, 185 tokens, in \d+\.\d\d s", result.lines[0])
    assert result.lines[1].startswith("ben: prepared, 8.2 s, ")
    assert result.said == [f"voices are in {cache}"]


def test_a_second_run_finds_everything_in_the_cache(
    own_cache: Path, speakers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PODTTS_MODEL", "flags win over this")
    before = stored(own_cache)
    result, modules = run_and_list_modules(
        "prep", speakers, "--model", MODEL, "--cache-dir", own_cache
    )
    assert result.code == 0, result.stderr
    assert result.lines == ["anna: cached, 7.4 s, 185 tokens", "ben: cached, 8.2 s, 204 tokens"]
    assert not modules & {"onnxruntime", "soundfile", "torchaudio"}  # no audio, no encoder
    assert stored(own_cache) == before


def test_every_format_is_read_and_broken_files_do_not_stop_others(tmp_path: Path) -> None:
    folder, cache = tmp_path / "speakers", tmp_path / "cache"
    folder.mkdir()
    wave, rate_hz = soundfile.read(A)
    for ending, form, subtype in (
        ("flac", "FLAC", "PCM_16"),
        ("mp3", "MP3", "MPEG_LAYER_III"),
        ("ogg", "OGG", "VORBIS"),
        ("opus", "OGG", "OPUS"),
    ):
        soundfile.write(folder / f"{ending}_voice.{ending}", wave, rate_hz, subtype, format=form)
        (folder / f"{ending}_voice.txt").write_text(f"This was said in a file of {form}.\n")
    (folder / "flac_voice.dialect.txt").write_text("<|Sichuan|>今天天气好得很")
    (folder / "broken.wav").write_bytes(b"RIFF, but no audio")
    (folder / "broken.txt").write_text("Hello.")
    (folder / "empty.wav").touch()
    (folder / "empty.txt").write_text("Hello.")
    shutil.copy(A, folder / "silent_partner.wav")
    shutil.copy(A, folder / "tagged.wav")
    (folder / "tagged.txt").write_text("Hello.\nHi <|laugter|>")

    result = run("prep", folder, "--model", MODEL, "--cache-dir", cache)
    assert result.code == 1
    voices = ["flac_voice", "mp3_voice", "ogg_voice", "opus_voice"]
    assert [line.split(": prepared")[0] for line in result.lines] == voices
    doubts = [line for line in result.said if ": warning: " in line]
    assert doubts == [
        f"podtts: warning: {folder / 'mp3_voice.mp3'}: its transcript has MP3.: "
        "write the words that are said"
    ]
    *failed, summary = (line for line in result.said if line not in doubts)
    assert len(failed) == 4
    for line, words in zip(
        failed,
        (
            "broken.wav: cannot be read as audio",
            "empty.wav: is empty",
            "silent_partner.wav: has no transcript; write its words to",
            "tagged.txt:2: unknown tag <|laugter|>; did you mean laughter?",
        ),
        strict=True,
    ):
        assert line.startswith("podtts: ")
        assert words in line
    assert summary == "podtts: 4 of 8 recordings could not be prepared"
    assert {path.stem for path in (cache / "voices").iterdir()} == {*voices}
    assert voice(cache, "flac_voice")["dialect_prompt"] == "<|Sichuan|>今天天气好得很"
    assert voice(cache, "ogg_voice")["transcript"] == "This was said in a file of OGG."


def test_flags_give_one_file_its_name_and_transcript(tmp_path: Path) -> None:
    decomposed, composed = "Jose\u0301", "Jos\u00e9"
    options = ("--model", MODEL, "--cache-dir", tmp_path)
    first = run("prep", A, "--name", decomposed, "--text", "One.", *options).done()
    assert first.lines[0].startswith(f"{composed}: prepared")
    assert voice(tmp_path, composed)["transcript"] == "One."

    # Another recording under a known name: the voice is replaced, which is said. Model and cache
    # come from the environment this time.
    named = {"PODTTS_MODEL": str(MODEL), "PODTTS_CACHE_DIR": str(tmp_path)}
    two = run("prep", C, "--name", composed, env=named).done()
    assert two.lines[0].startswith(f"{composed}: prepared")
    assert two.lines[0].endswith(", replaces the voice of that name")
    said = C.with_suffix(".txt").read_text().strip()
    assert voice(tmp_path, composed)["transcript"] == said
    assert [path.name for path in (tmp_path / "voices").iterdir()] == [f"{composed}.json"]
    assert len(list((tmp_path / "prompts").iterdir())) == 2


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "two\nlines", "con", ""])
def test_a_path_is_no_name_of_a_voice(tmp_path: Path, name: str) -> None:
    result = run("prep", A, "--name", name, "--model", MODEL, "--cache-dir", tmp_path / "cache")
    assert result.code == 3
    assert "cannot be the name of a voice" in result.error
    assert not (tmp_path / "cache").exists()


def test_the_default_model_is_the_bundled_one(speakers: Path, tmp_path: Path) -> None:
    first = run("prep", speakers, "--cache-dir", tmp_path / "cache").done()
    assert [line.split()[:2] for line in first.lines] == [
        ["anna:", "prepared,"],
        ["ben:", "prepared,"],
    ]
    again = run("prep", speakers, "--cache-dir", tmp_path / "cache", "--model", "mini").done()
    assert all(" cached," in line for line in again.lines)


def test_an_unknown_model_suggests_the_nearest(speakers: Path) -> None:
    result = run("prep", speakers, "--model", "soulx-podcast-1.8b")
    assert result.code == 4
    assert "did you mean soulx-podcast-1.7b?" in result.error


@pytest.mark.parametrize("flag", ["--name", "--text"])
def test_name_and_text_are_for_one_file(speakers: Path, flag: str) -> None:
    for paths in ([speakers], [speakers / "anna.wav", speakers / "ben.wav"]):
        result = run("prep", *paths, flag, "something", "--model", MODEL)
        assert result.code == 2
        assert "need exactly one recording" in result.error


def test_paths_without_recordings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    for path, words in (
        ("nowhere", "no such file or folder"),
        ("empty", "no recordings in this folder"),
        ("notes.txt", "is not a recording"),
    ):
        result = run("prep", tmp_path / path, "--model", MODEL)
        assert result.code == 3
        assert words in result.error
        assert str(tmp_path / path) in result.error


def test_two_recordings_for_the_same_voice_are_refused(speakers: Path) -> None:
    shutil.copy(speakers / "anna.wav", speakers / "anna.flac")
    result = run("prep", speakers, "--model", MODEL)
    assert result.code == 3
    assert "both the voice anna" in result.error


def test_a_broken_encoder_is_an_error_of_the_model(
    own_model: Path, speakers: Path, tmp_path: Path
) -> None:
    broken = own_model / "campplus.onnx"
    broken.write_bytes(b"not a network")
    result = run("prep", speakers, "--model", own_model, "--cache-dir", tmp_path / "cache")
    assert result.code == 4
    assert result.error.startswith(f"{broken}: cannot be loaded")
    assert not (tmp_path / "cache" / "voices").exists()


def test_a_stopped_run_keeps_complete_voices_and_no_temporary_files(tmp_path: Path) -> None:
    folder, cache = tmp_path / "speakers", tmp_path / "cache"
    folder.mkdir()
    wave, rate_hz = soundfile.read(A)
    for number in range(8):
        soundfile.write(folder / f"voice{number:03}.wav", wave[number:], rate_hz)
        (folder / f"voice{number:03}.txt").write_text("What the speaker says.")
    command = ("prep", folder, "--model", MODEL, "--cache-dir", cache)
    with started(*command, stdout_in_lines=True) as running:
        # With the line after the next it waits until that is read; voices are computed beside it.
        assert os.read(running.stdout.fileno(), 2**16).startswith(b"voice000: prepared")
        running.process.send_signal(signal.SIGINT)
        result = running.finish()
    assert result.code == 130
    assert result.said == ["podtts: stopped (SIGINT)"]
    assert len(result.lines) <= 2
    rows = run("cache", "ls", "--json", "--cache-dir", cache).done().json
    assert 1 <= len(rows) <= 8
    assert all(row["tokens"] for row in rows)
    assert not [path for path in cache.rglob("*") if path.name.startswith(".")]
