from pathlib import Path

import pytest
import torch
from support.tiny_whisper import tiny_whisper

from podtts.audio.io import decode_audio, resample
from podtts.bench.judges import WhisperWords, find_judges
from podtts.bench.naturalness import Naturalness
from podtts.bench.quality import Quality
from podtts.bench.report import quality_table
from podtts.rates import OUTPUT_HZ

SPEAKERS = Path(__file__).parents[1] / "speakers"
WAVE = 0.1 * torch.randn(OUTPUT_HZ, generator=torch.Generator().manual_seed(1))


def test_whisper_hears_words_in_the_form_they_are_compared_in(tmp_path: Path) -> None:
    folder = tiny_whisper(tmp_path / "whisper", "We have 12 dogs.")
    judge = WhisperWords(folder)
    assert judge.name == "whisper"
    assert judge.words(WAVE) == ["we", "have", "twelve", "dogs"]


def test_the_recognizer_that_is_asked_for_judges(tmp_path: Path) -> None:
    folder = tiny_whisper(tmp_path / "whisper", "Hello.")
    warned: list[str] = []
    judges = find_judges(["Hello there."], folder, warned.append)
    assert isinstance(judges.words, WhisperWords)
    other = find_judges(["Hello there."], None, warned.append)
    assert other.words is not None
    assert other.words.name == "pocketsphinx"
    missing = [line for line in warned if "naturalness is rated with distillmos" in line]
    assert len(missing) == (2 if judges.naturalness is None else 0)
    assert len(warned) == len(missing)


def test_speech_is_more_natural_than_speech_that_noise_drowns() -> None:
    pytest.importorskip("distillmos", reason="distillmos is not installed")
    recording = decode_audio((SPEAKERS / "anna.wav").read_bytes(), "anna")
    speech = resample(recording.wave, recording.rate_hz, OUTPUT_HZ)
    noise = torch.randn(len(speech), generator=torch.Generator().manual_seed(1))
    judge = Naturalness()
    assert 1 <= judge.score(speech + 3 * speech.std() * noise) < judge.score(speech) - 0.5 < 5


@pytest.mark.parametrize("naturalness", [None, 3.456])
def test_the_table_names_who_heard_the_words(naturalness: float | None) -> None:
    quality = Quality("fast", 2, 1.0, 0.0, 0.0, None, 0.9, 8, "whisper-base", naturalness, 0.5)
    table = quality_table("mini", [quality])
    assert str(table.title).endswith("mini, words heard by whisper-base")
    cells = {str(column.header): next(iter(column.cells)) for column in table.columns}
    assert cells["words"] == "90.0 %"
    assert cells["naturalness"] == ("-" if naturalness is None else "3.46")
    nobody = Quality("fast", 2, 1.0, 0.0, 0.0, None, None, 8, None, None, 0.5)
    assert "heard" not in str(quality_table("mini", [nobody]).title)
