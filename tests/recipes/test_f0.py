import pytest
import torch
from recipes.mini.f0 import pitch


@pytest.mark.parametrize("hertz", [80.0, 110.0, 220.0, 350.0])
def test_the_f0_of_a_buzz_is_its_frequency(hertz: float) -> None:
    seconds = torch.arange(24_000) / 24_000
    wave = sum(
        (torch.sin(2 * torch.pi * hertz * n * seconds) / n for n in range(1, 8)), torch.zeros(())
    )
    f0 = pitch(0.2 * wave)
    assert len(f0) == 50
    assert (f0[5:-5] / hertz - 1).abs().max() < 0.02


def test_noise_and_silence_are_unvoiced() -> None:
    rng = torch.Generator().manual_seed(0)
    noise = 0.1 * torch.randn(24_000, generator=rng)
    assert (pitch(noise) > 0).float().mean() < 0.1
    assert (pitch(torch.zeros(24_000)) == 0).all()
