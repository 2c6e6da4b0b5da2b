import pytest
import torch

from podtts.audio.volume_normalization import normalize_volume


def test_loud_samples_are_scaled_to_a_tenth() -> None:
    wave = torch.full((1000,), 0.5)
    wave[::2] = -0.5
    assert torch.allclose(normalize_volume(wave), wave * 0.2)


def test_a_quiet_wave_gets_both_gains() -> None:
    # Peak 0.05: first gain 2. Loudness is measured before it, so the second gain is 2 as well.
    wave = torch.full((1000,), 0.05)
    assert torch.allclose(normalize_volume(wave), torch.full((1000,), 0.2))


def test_loudness_is_the_mean_between_the_90th_and_the_99th_percentile() -> None:
    wave = torch.linspace(0.2, 0.4, 1000)
    loudness = wave[900:990].mean()
    assert torch.allclose(normalize_volume(wave), wave * (0.1 / loudness))


def test_samples_that_are_not_audible_do_not_count() -> None:
    wave = torch.zeros(100_000)
    wave[:1000] = 0.5
    assert normalize_volume(wave).max() == pytest.approx(0.1)


def test_the_peak_stays_within_one() -> None:
    wave = torch.full((10_000,), 0.02)
    wave[:50] = 0.9  # a click: the gain of 5 would take it to 4.5
    assert normalize_volume(wave).max() == 1.0


def test_ten_audible_samples_are_too_few_for_a_gain() -> None:
    wave = torch.zeros(1000)
    wave[:10] = 0.5
    assert torch.equal(normalize_volume(wave), wave)
    wave[10] = 0.5
    assert normalize_volume(wave).max() == pytest.approx(0.1)


def test_silence_is_unchanged_and_near_silence_is_raised_at_most_a_hundredfold() -> None:
    assert torch.equal(normalize_volume(torch.zeros(1000)), torch.zeros(1000))
    assert torch.allclose(normalize_volume(torch.full((1000,), 1e-5)), torch.full((1000,), 1e-3))


def test_the_input_is_not_modified() -> None:
    wave = torch.full((1000,), 0.5)
    normalize_volume(wave)
    assert torch.equal(wave, torch.full((1000,), 0.5))
