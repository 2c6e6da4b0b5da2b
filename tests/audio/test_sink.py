from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import Tensor

from podtts.audio.sink import Sink, resampling, samples_at


class Recorder:
    """A sink that stores the waves."""

    def __init__(self) -> None:
        self.waves: list[Tensor] = []
        self.samples = 0

    def write(self, wave: Tensor) -> None:
        self.waves.append(wave.clone())
        self.samples += len(wave)

    @property
    def wave(self) -> Tensor:
        return torch.cat([torch.zeros(0), *self.waves])


def through(wave: Tensor, rate_hz: int, part: int) -> Tensor:
    recorder = Recorder()
    target: nullcontext[Sink] = nullcontext(recorder)
    with resampling(target, rate_hz) as sink:
        for start in range(0, len(wave), part):
            sink.write(wave[start : start + part])
        assert sink.samples == len(wave)
    return recorder.wave


@pytest.mark.parametrize("rate_hz", [24_000, 44_100, 48_000])
@pytest.mark.parametrize("samples", [0, 1, 2, 40, 999, 24_001])
def test_the_length_is_exact(samples: int, rate_hz: int) -> None:
    resampled = through(torch.zeros(samples), rate_hz, 500)
    assert len(resampled) == samples_at(samples, rate_hz) == round(samples * rate_hz / 24_000)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_a_tone_is_resampled_the_same_however_it_is_split(rate_hz: int) -> None:
    hz = 1000
    phase = torch.arange(72_000, dtype=torch.float64) * (2 * torch.pi * hz / 24_000)
    wave = 0.5 * torch.sin(phase).float()
    resampled = through(wave, rate_hz, 72_000)
    assert torch.equal(resampled, through(wave, rate_hz, 777))
    ideal = 0.5 * np.sin(np.arange(len(resampled)) * (2 * np.pi * hz / rate_hz))
    middle = slice(5_000, -5_000)
    assert np.abs(resampled.numpy()[middle] - ideal[middle]).max() < 1e-4
