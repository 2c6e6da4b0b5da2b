"""With a real recognizer: `make test-ears`, or pytest --recognizer FOLDER."""

import os
import shutil
from pathlib import Path

import pytest
from support.commands import run
from support.golden_data import MODEL

from podtts.audio.io import decode_audio
from podtts.ears.comparison import compare
from podtts.ears.whisper import Whisper
from podtts.text.languages import Language

SPEAKERS = Path(__file__).parents[1] / "speakers"


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest) -> Path:
    named = request.config.getoption("recognizer")
    if named is None:
        pytest.skip("no --recognizer was named: make test-ears")
    return Path(named).resolve()


@pytest.fixture(scope="module")
def whisper(folder: Path) -> Whisper:
    return Whisper(folder, threads=os.cpu_count())


@pytest.mark.parametrize("name", ["anna", "ben"])
def test_a_recording_is_heard_as_its_transcript(whisper: Whisper, name: str) -> None:
    recording = decode_audio((SPEAKERS / f"{name}.wav").read_bytes(), name)
    said = (SPEAKERS / f"{name}.txt").read_text()
    languages: tuple[Language | None, ...] = (None, "en")
    for language in languages:
        heard = whisper.transcribe(recording.wave, recording.rate_hz, language)
        assert compare(said, heard).error <= 0.1, heard
    assert heard == whisper.transcribe(recording.wave, recording.rate_hz, "en")


def test_a_recording_of_nearly_a_minute_is_heard_to_its_end(whisper: Whisper) -> None:
    """Longer than Whisper hears at once, as a turn may be."""
    recording = decode_audio((SPEAKERS / "anna.wav").read_bytes(), "anna")
    said = (SPEAKERS / "anna.txt").read_text().strip()
    heard = whisper.transcribe(recording.wave.repeat(6), recording.rate_hz, "en")
    assert compare(" ".join([said] * 6), heard).error <= 0.2, heard


def test_prep_writes_a_transcript_and_warns_of_a_wrong_one(folder: Path, tmp_path: Path) -> None:
    speakers = Path(shutil.copytree(SPEAKERS, tmp_path / "speakers"))
    said = (speakers / "anna.txt").read_text()
    (speakers / "anna.txt").unlink()
    wrong = "I grew up beside a railway bridge, and nothing heavy ever rolled past at night."
    (speakers / "ben.txt").write_text(wrong)
    cache = ("--model", MODEL, "--cache-dir", tmp_path / "cache")
    result = run("prep", speakers, *cache, "--transcribe", "--recognizer", folder).done()
    heard = result.lines[0].partition(", heard: ")[2]
    assert compare(said, heard).error <= 0.1, heard
    assert "ben.wav: “" in result.stderr
    assert f"but its transcript is “{wrong}”" in result.stderr
