"""The files that `podtts synth` writes from the turns of a journal."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.commands import run, run_and_list_modules
from support.golden_data import MODEL
from support.meters import needs_ffmpeg, probe

FLAGS = ("--model", MODEL, "--flow-steps", "2", "--max-turn-tokens", "16", "--dtype", "float32")
TURNS = 4


@pytest.fixture(scope="module")
def finished(talk: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An episode, with its journal."""
    output = tmp_path_factory.mktemp("finished") / "out.wav"
    run("synth", talk, "-o", output, *FLAGS, "--cache-dir", prepared).done()
    return output


@pytest.fixture
def again(finished: Path, tmp_path: Path) -> Path:
    """A copy of the episode and its journal."""
    shutil.copytree(finished.parent, tmp_path / "episode")
    return tmp_path / "episode" / "out.wav"


def spoken_samples(output: Path) -> int:
    lines = (output.with_name("out.wav.podtts") / "turns.jsonl").read_text().splitlines()[1:]
    assert len(lines) == TURNS
    return 960 * sum(int(json.loads(line)["tokens"]) for line in lines)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_other_files_of_a_finished_run_are_written_without_the_model(
    again: Path, talk: Path, prepared: Path
) -> None:
    """All kinds of files, in another format, from the journal of the WAV file."""
    command = ("synth", talk, *FLAGS, "--cache-dir", prepared, "--resume", "--verbose")
    wanted = "--gap 1 --loudness -30 --sample-rate 48000 --split speakers,turns --title Talk"
    texts = "--subtitles srt,vtt,json --chapters --transcript"
    page = ("--page", str(again.with_name("out.html")))
    flags = (*wanted.split(), *texts.split(), *page, "-o", str(again.with_name("out.flac")))
    before = (again.with_name("out.wav.podtts") / "turns.jsonl").read_bytes()
    result, modules = run_and_list_modules(*command, *flags)
    assert result.code == 0, result.stderr
    assert "stage=load" not in result.stderr
    assert "stage=llm" not in result.stderr
    assert "transformers" not in modules
    samples = spoken_samples(again) + 3 * 24_000
    assert soundfile.info(again.with_name("out.flac")).frames == 2 * samples
    assert names(again.parent) == [
        "out.chapters.json",
        "out.flac",
        "out.html",
        "out.speakers",
        "out.srt",
        "out.subtitles.json",
        "out.transcript.md",
        "out.turns",
        "out.vtt",
        "out.wav",
        "out.wav.podtts",
    ]
    assert names(again.with_name("out.speakers")) == ["1-anna.flac", "2-ben.flac"]
    assert names(again.with_name("out.turns")) == [
        "0001-anna.flac",
        "0002-ben.flac",
        "0003-anna.flac",
        "0004-ben.flac",
    ]
    subtitles = json.loads(again.with_name("out.subtitles.json").read_text())
    assert subtitles["samples"] == subtitles["segments"][-1]["endSample"] == samples
    assert "LUFS as spoken, -30.0 after" in result.stderr
    assert (again.with_name("out.wav.podtts") / "turns.jsonl").read_bytes() == before
    assert not (again.with_name("out.wav.podtts") / "partial.wav").exists()


def test_the_wav_file_is_written_again_with_other_gaps(
    again: Path, talk: Path, prepared: Path
) -> None:
    flags = (*FLAGS, "--cache-dir", prepared, "--resume", "--gap", "0")
    run("synth", talk, "-o", again, *flags, "--gap-same-speaker", "5").done()
    assert soundfile.info(again).frames == spoken_samples(again)
    assert names(again.parent) == ["out.wav", "out.wav.podtts"]


def test_music_alone_is_mixed_again_without_the_model(
    again: Path, talk: Path, prepared: Path, tmp_path: Path
) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(48_000)
    soundfile.write(tmp_path / "intro.flac", noise, 24_000)
    flags = (*FLAGS, "--cache-dir", prepared, "--verbose", "--subtitles", "json")
    music = ("--intro", str(tmp_path / "intro.flac"), "--music", str(tmp_path / "intro.flac"))
    result, modules = run_and_list_modules("synth", talk, "-o", again, *flags, *music)
    assert result.code == 0, result.stderr
    assert "stage=load" not in result.stderr
    assert "transformers" not in modules
    assert "music: speech at " in result.stderr
    subtitles = json.loads(again.with_name("out.subtitles.json").read_text())
    assert subtitles["segments"][0]["startSample"] == 48_000
    assert subtitles["samples"] == soundfile.info(again).frames


def test_music_that_cannot_be_used_is_refused_before_any_work(talk: Path, tmp_path: Path) -> None:
    noise, silent = tmp_path / "noise.wav", tmp_path / "silent.wav"
    soundfile.write(noise, 0.1 * np.random.default_rng(1).standard_normal(24_000), 24_000)
    soundfile.write(silent, np.zeros(24_000), 24_000)
    result = run("synth", talk, "-o", tmp_path / "a.wav", "--model", MODEL, "--outro", silent)
    assert (result.code, result.stdout) == (3, b"")
    assert result.error == f"{silent}: is silent, or shorter than 0.4 s; choose another file"
    result = run("synth", talk, "-o", "-", "--model", MODEL, "--intro", noise)
    assert (result.code, result.stdout) == (2, b"")
    assert result.error == "--intro needs an output file, not -o -; use -o FILE"
    assert names(tmp_path) == ["noise.wav", "silent.wav"]


@needs_ffmpeg
def test_a_file_has_its_metadata(again: Path, talk: Path, prepared: Path) -> None:
    assert probe(again)["tags"] == {
        "title": "talk",
        "date": "2026-01-01",
        "comment": "AI-generated speech: podtts 0.1.0, model model, seed 1988",
        "encoder": "podtts 0.1.0",
    }
    flags = (*FLAGS, "--cache-dir", prepared, "--resume", "--date", "2025-12-31", "--artist", "Ann")
    run("synth", talk, "-o", again.with_suffix(".mp3"), *flags, "--title", "On: bridges").done()
    tags = probe(again.with_suffix(".mp3"))["tags"]
    assert (tags["title"], tags["artist"], tags["date"]) == ("On: bridges", "Ann", "2025")


def test_a_pipe_gets_any_format_with_the_gaps(talk: Path, prepared: Path) -> None:
    flags = (*FLAGS, "--cache-dir", prepared, "--limit-turns", "2", "--gap", "2")
    ogg = run("synth", talk, "-o", "-", *flags, "--format", "ogg", "--sample-rate", "48000").done()
    samples, rate_hz = soundfile.read(io.BytesIO(ogg.stdout))
    assert rate_hz == 48_000
    wav = run("synth", talk, "-o", "-", *flags).done()
    plain, _ = soundfile.read(io.BytesIO(wav.stdout))
    assert len(samples) == 2 * len(plain)
    assert f"2 turns, {len(plain) / 24_000:.1f} s of audio" in wav.said[-1]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("-o - --subtitles srt", "--subtitles needs an output file, not -o -; use -o FILE"),
        ("-o - --loudness -16", "--loudness needs an output file"),
        ("-o /dev/null --split turns", "--split needs an output file, not -o /dev/null"),
        ("-o - --page x.html", "--page needs an output file"),
        ("-o out.wav --page none/x.html", "there is no folder none; run: mkdir -p none"),
        ("-o out.wav --page-audio lnk", "unknown page-audio 'lnk'; did you mean link?"),
        ("-o out.wav --page-audio link", "--page-audio needs --page; add --page, or leave"),
        ("-o out.wav --music-below 12", "--music-below needs --music; add --music, or leave"),
        ("-o out.wav --flow-cache 9", "--flow-cache needs --flow-mode streaming"),
        ("-o - --chapters", "--chapters needs an output file"),
        ("-o out.wav --subtitles str", "unknown subtitles 'str'; did you mean srt?"),
        ("-o out.wav --split turn", "unknown split 'turn'; did you mean turns?"),
        ("-o out.wav --format mp3", "out.wav ends in .wav, but --format is mp3"),
        ("-o out --format oggs", "unknown format 'oggs'; did you mean ogg?"),
        ("-o out.wav --sample-rate 22050", "sample-rate is 22050, but must be 24000, 44100, 48000"),
        ("-o out.opus --sample-rate 44100", "opus has no sample rate of 44100"),
        ("-o out.wav --gap 11", "gap is 11.0, but must be 0 to 10 seconds"),
        ("-o out.wav --loudness 16", "loudness is 16.0, but must be -50 to -5 LUFS"),
        ("-o out.wav --date tomorrow", "date is 'tomorrow', but must be a day"),
    ],
)
def test_options_that_cannot_work_are_refused_before_any_work(
    tmp_path: Path, talk: Path, flags: str, words: str
) -> None:
    arguments = [str(tmp_path / part) if part.startswith("out") else part for part in flags.split()]
    result, modules = run_and_list_modules("synth", talk, *arguments, "--model", MODEL)
    assert result.code == 2
    assert words in result.error.replace(f"{tmp_path}/", "")
    assert "torch" not in modules
    assert names(tmp_path) == []


def test_chapters_need_headings_and_a_script_is_not_overwritten(tmp_path: Path) -> None:
    script = tmp_path / "talk.srt"
    script.write_text("[anna] Hello.\n")
    for flags, words in (
        (("-o", tmp_path / "a.wav", "--chapters"), "talk.srt has no headings; write one as:"),
        (("-o", tmp_path / "talk.wav", "--subtitles", "srt"), "talk.srt is the script itself"),
    ):
        result = run("synth", script, *flags, "--model", MODEL)
        assert result.code == 2
        assert words in result.error
    assert names(tmp_path) == ["talk.srt"]
