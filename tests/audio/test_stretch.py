from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from podtts.audio.stretch import stretch

SPEAKERS = Path(__file__).parents[2] / "examples" / "speakers"


def voice(name: str) -> Tensor:
    return torch.from_numpy(soundfile.read(SPEAKERS / f"{name}.wav", dtype="float32")[0])


def median_f0(wave: Tensor) -> float:
    """Median pitch of voiced frames in Hz, by autocorrelation."""
    pitches_hz = []
    for frame in wave.unfold(0, 1200, 480):
        centred = frame - frame.mean()
        correlation = torch.fft.irfft(torch.fft.rfft(centred, 4096).abs() ** 2)
        correlation = correlation / correlation[0].clamp(min=1e-9)
        lag = int(correlation[68:400].argmax()) + 68  # 60 to 350 Hz
        if centred.square().mean() > 1e-4 and correlation[lag] > 0.5:
            pitches_hz.append(24_000 / lag)
    return float(np.median(pitches_hz))


@pytest.mark.parametrize("name", ["anna", "ben"])
@pytest.mark.parametrize("tempo", [0.7, 0.9, 1.2, 1.5])
def test_another_tempo_keeps_the_pitch(name: str, tempo: float) -> None:
    wave = voice(name)
    faster = stretch(wave, tempo)
    assert len(faster) == round(len(wave) / tempo)
    assert median_f0(faster) == pytest.approx(median_f0(wave), rel=0.03)
    assert float(faster.square().mean()) == pytest.approx(float(wave.square().mean()), rel=0.25)
    assert torch.equal(faster, stretch(wave, tempo))  # the random phases are the same


def test_a_word_moves_with_the_tempo() -> None:
    wave = torch.zeros(48_000)
    wave[24_000:26_400] = voice("anna")[24_000:26_400] * 3
    at = stretch(wave, 1.25).square()
    centre = float((at * torch.arange(len(at))).sum() / at.sum())
    before = wave.square()
    expected = float((before * torch.arange(len(before))).sum() / before.sum()) / 1.25
    assert centre == pytest.approx(expected, abs=480)


@pytest.mark.parametrize("samples", [0, 1, 100, 960])
def test_the_shortest_turns_are_stretched_too(samples: int) -> None:
    assert len(stretch(torch.rand(samples) - 0.5, 0.8)) == round(samples / 0.8)
    wave = torch.rand(samples)
    assert stretch(wave, 1.0) is wave


def test_loud_turns_stay_within_range() -> None:
    loud = torch.sign(torch.sin(torch.arange(24_000) * 0.05))
    assert float(stretch(loud, 1.3).abs().max()) <= 1.0
