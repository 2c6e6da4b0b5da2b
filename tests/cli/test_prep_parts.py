"""`podtts prep` with a part of a recording, several channels, and formats that need PyAV."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.numpy import load_file
from support.commands import Result, run
from support.golden_data import MODEL
from support.media import write_media

from podtts.text.clock_times import parse_time

A = Path(__file__).parents[1] / "speakers" / "anna.wav"  # 7.4 s


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a long recording: a sentence, a pause, noise that is clipped, and so on."""
    wave, rate_hz = soundfile.read(A, dtype="float32")
    pause = np.zeros(rate_hz, np.float32)
    noise = np.random.default_rng(1).uniform(-3, 3, 12 * rate_hz).clip(-1, 1).astype(np.float32)
    long = np.concatenate([noise, pause, wave, pause, noise])
    soundfile.write(tmp_path / "anna.wav", long, rate_hz)
    (tmp_path / "anna.txt").write_text(A.with_suffix(".txt").read_text())
    return tmp_path


def prep(folder: Path, *arguments: str | Path) -> Result:
    return run("prep", *arguments, "--model", MODEL, "--cache-dir", folder / "cache", cwd=folder)


def voice(folder: Path, name: str = "anna") -> dict[str, str]:
    stored: dict[str, str] = json.loads((folder / "cache/voices" / f"{name}.json").read_text())
    return stored


def test_a_long_recording_is_refused_with_a_proposal_that_works(folder: Path) -> None:
    refused = prep(folder, "anna.wav")
    assert refused.code == 1
    [problem, _] = refused.said
    assert "anna.wav: is 33.43 s long, longer than 30 s; its best stretch is 0:12." in problem
    flags = problem.partition("then add ")[2].partition(", or --auto-trim")[0].split()
    assert [flags[0], flags[2]] == ["--from", "--to"]
    cut = prep(folder, "anna.wav", *flags).done()
    start, stop = (parse_time(flags[each]) or 0.0 for each in (1, 3))
    seconds = float(cut.lines[0].split()[2])
    assert seconds == pytest.approx(stop - start, abs=0.06)
    assert 5.0 <= seconds <= 8.5
    taken = prep(folder, "anna.wav", "--auto-trim").done()
    assert taken.said[0].startswith(f"anna.wav: uses {flags[1]} to {flags[3]}; its transcript must")
    again = prep(folder, "anna.wav", "--auto-trim").done()
    assert again.lines[0].startswith("anna: cached, ")


def test_silence_at_the_ends_is_left_out(folder: Path) -> None:
    cut = prep(folder, "anna.wav", "--from", "0:12", "--to", "0:21.4", "--trim").done()
    assert cut.lines[0].startswith("anna: prepared, 7.")
    assert "s of silence at its ends are left out" in cut.said[0]
    assert not [line for line in cut.said if "warning" in line]
    with_silence = prep(folder, "anna.wav", "--from", "12", "--to", "0:21.4").done()
    assert with_silence.lines[0].startswith("anna: prepared, 9.4 s")


def test_every_part_is_a_voice_of_its_own(folder: Path) -> None:
    digests = set()
    for flags in (["--to", "10"], ["--to", "11"], ["--to", "11", "--trim"]):
        prep(folder, "anna.wav", *flags).done()
        digests.add(voice(folder)["audio_sha256"])
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--from", "soon"], "--from 'soon' is no time"),
        (["--from", "0:75"], "is no time"),
        (["--from", "0:20", "--to", "0:10"], "--to 0:10.00 is not behind --from 0:20.00"),
    ],
)
def test_times_that_are_none_are_refused(flags: list[str], words: str, folder: Path) -> None:
    refused = prep(folder, "anna.wav", *flags)
    assert refused.code == 2
    assert words in refused.error


def test_times_are_for_one_recording(folder: Path) -> None:
    assert prep(folder, ".", "--from", "1").code == 2


def test_a_beginning_behind_the_end_is_refused(folder: Path) -> None:
    refused = prep(folder, "anna.wav", "--from", "50")
    assert refused.code == 1
    assert "anna.wav: ends before 50 s" in refused.said[0]


def test_of_two_channels_the_one_with_sound_is_used_and_said(folder: Path) -> None:
    wave, rate_hz = soundfile.read(A, dtype="float32")
    stereo = np.stack([np.zeros_like(wave), wave], axis=1)
    soundfile.write(folder / "ben.wav", stereo, rate_hz, "FLOAT")
    soundfile.write(folder / "mono.wav", wave, rate_hz, "FLOAT")
    for name in ("ben", "mono"):
        shutil.copy(folder / "anna.txt", folder / f"{name}.txt")
    said = prep(folder, "ben.wav").done().said
    assert said[0] == "ben.wav: uses channel 2 of 2"
    prep(folder, "mono.wav").done()
    prompts = (folder / "cache/prompts").iterdir()
    first, second = (load_file(path) for path in prompts)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_formats_of_pyav_are_prepared(folder: Path) -> None:
    wave, rate_hz = soundfile.read(A, dtype="float32")
    speech = torch.from_numpy(wave)
    for kind in ("m4a", "mkv"):
        write_media(folder / f"eva_{kind}.{kind}", speech, rate_hz, video=kind == "mkv")
        shutil.copy(folder / "anna.txt", folder / f"eva_{kind}.txt")
    (folder / "anna.wav").unlink()
    lines = prep(folder, ".").done().lines
    assert [line.partition(",")[0] for line in lines] == ["eva_m4a: prepared", "eva_mkv: prepared"]
