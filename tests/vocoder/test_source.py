import math

import torch

from podtts.rates import MEL_HOP
from podtts.vocoder.source import HarmonicSource


def source(waves: int = 9) -> HarmonicSource:
    harmonics = HarmonicSource(waves, voiced_threshold_hz=10.0)
    torch.nn.init.constant_(harmonics.mix.weight, 1.0)
    torch.nn.init.zeros_(harmonics.mix.bias)
    return harmonics.requires_grad_(False)


def test_a_constant_f0_is_a_sine_of_that_frequency_even_after_minutes() -> None:
    frames = 50 * 180
    phase = source(2).phase(torch.full((1, frames), 200.0))[0, 0, MEL_HOP:-MEL_HOP].double()
    steps = (phase.diff() + math.pi) % (2 * math.pi) - math.pi
    expected = torch.full_like(steps, 2 * math.pi * 200 / 24_000)
    torch.testing.assert_close(steps, expected, rtol=0, atol=2e-6)


def test_overtones_are_multiples_of_the_fundamental() -> None:
    phase = source(3).phase(torch.full((1, 100), 110.0))[0].double()
    difference = (phase[2] - 3 * phase[0] + math.pi) % (2 * math.pi) - math.pi
    assert float(difference.abs().max()) < 1e-4


def test_unvoiced_frames_are_only_noise() -> None:
    f0 = torch.tensor([[5.0] * 20])
    noise = torch.randn(1, 9, 20 * MEL_HOP, generator=torch.Generator().manual_seed(0))
    assert float(source()(f0, torch.zeros_like(noise)).abs().max()) == 0
    expected = torch.tanh((noise * 0.1 / 3).sum(dim=1))
    torch.testing.assert_close(source()(f0, noise), expected)


def test_padding_does_not_change_the_phase_of_a_row() -> None:
    f0 = torch.full((1, 30), 150.0)
    padded = torch.cat((f0, torch.zeros(1, 50)), dim=1)
    noise = torch.zeros(1, 9, 80 * MEL_HOP)
    alone = source()(f0, noise[:, :, : 30 * MEL_HOP])
    together = source()(padded, noise)[:, : 30 * MEL_HOP]
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)
