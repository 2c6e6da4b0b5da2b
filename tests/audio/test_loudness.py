import math
from pathlib import Path

import pyloudnorm
import pytest
import torch
from torch import Tensor

from podtts.audio.loudness import Gain, Loudness, gain_to, measure
from podtts.audio.mix_reader import MixReader
from podtts.audio.wav import WavWriter, round_to_pcm16


def measured(wave: Tensor, path: Path) -> Loudness:
    with WavWriter(path) as file:
        file.write(wave)
    with MixReader(path) as mix:
        return measure(mix)


def tone(seconds: float, level: float, hz: float = 997.0) -> Tensor:
    return level * torch.sin(torch.arange(round(24_000 * seconds)) * (2 * torch.pi * hz / 24_000))


def test_a_full_scale_tone_is_three_below_zero(tmp_path: Path) -> None:
    """The reference of BS.1770: a sine of 997 Hz at full scale in one channel is -3.01 LKFS."""
    loudness = measured(tone(5, 1.0), tmp_path / "a.wav")
    assert loudness.lufs == pytest.approx(-3.01, abs=0.1)
    assert loudness.true_peak_dbtp == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("seconds", [0.4, 0.44, 59.97, 60.0, 60.26, 60.37, 121.5, 200.03])
def test_measuring_by_the_minute_equals_measuring_at_once(tmp_path: Path, seconds: float) -> None:
    """The wave has loud, quiet and silent parts, so that both gates matter."""
    rng = torch.Generator().manual_seed(7)
    wave = 0.2 * torch.randn(round(24_000 * seconds), generator=rng)
    at = torch.arange(len(wave)) / 24_000
    wave *= torch.where(at % 7 < 3, 1.0, torch.where(at % 7 < 5, 0.02, 0.0))
    wave = round_to_pcm16(wave)
    at_once = pyloudnorm.Meter(24_000).integrated_loudness(wave.double().numpy())
    assert measured(wave, tmp_path / "a.wav").lufs == pytest.approx(at_once, abs=1e-6)


def test_the_peak_between_samples_is_found(tmp_path: Path) -> None:
    """A tone at a quarter of the sample rate; its samples miss the peaks by 45 degrees, or 3 dB."""
    wave = 0.5 * torch.sin(torch.arange(24_000) * (torch.pi / 2) + torch.pi / 4)
    assert float(wave.abs().max()) == pytest.approx(0.3536, abs=1e-3)
    middle = measured(wave * torch.hann_window(24_000), tmp_path / "a.wav")
    assert middle.true_peak_dbtp == pytest.approx(20 * math.log10(0.5), abs=0.1)


@pytest.mark.parametrize("wave", [torch.zeros(48_000), torch.zeros(0), tone(0.39, 0.5)])
def test_silence_and_less_than_a_block_have_no_loudness(tmp_path: Path, wave: Tensor) -> None:
    loudness = measured(wave, tmp_path / "a.wav")
    assert loudness.lufs == -math.inf
    assert gain_to(-16.0, loudness) == Gain(0.0, 0.0)
    assert gain_to(-16.0, loudness).factor == 1.0


def test_the_true_peak_limits_the_gain() -> None:
    assert gain_to(-19.0, Loudness(-25.0, -12.0)) == Gain(6.0, 0.0)
    assert gain_to(-16.0, Loudness(-25.0, -8.0)) == Gain(7.0, 2.0)
    assert gain_to(-30.0, Loudness(-25.0, 0.0)) == Gain(-5.0, 0.0)
    assert gain_to(-16.0, Loudness(-16.0, 0.2)).db == pytest.approx(-1.2)  # clipped before
    assert Gain(6.0206).factor == pytest.approx(2.0, abs=1e-5)
