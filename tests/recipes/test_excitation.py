import pytest
import torch
from recipes.mini.excitation import MIX, WAVES, aligned, excitation
from recipes.mini.f0 import pitch
from recipes.mini.speech import INT16
from recipes.mini.vocoder_data import source_of

from podtts.vocoder.source import HarmonicSource


def _pitch() -> torch.Tensor:
    return torch.cat((torch.zeros(3), torch.linspace(90, 220, 20), torch.zeros(2)))


def test_the_closed_form_is_what_the_vocoder_computes() -> None:
    f0 = _pitch()
    source = HarmonicSource(WAVES, 30.0).requires_grad_(False)
    source.mix.weight.fill_(MIX)
    source.mix.bias.zero_()
    noise = torch.randn(WAVES, len(f0) * 480, generator=torch.Generator().manual_seed(0))
    expected = source(f0[None], noise[None])[0]
    found = excitation(f0, noise.sum(dim=0) / WAVES**0.5)
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_target_has_the_magnitudes_of_the_recording() -> None:
    rng = torch.Generator().manual_seed(0)
    f0 = _pitch()
    source = excitation(f0, torch.randn(len(f0) * 480, generator=rng))
    shifted = 0.3 * torch.roll(source, 7)
    target = aligned(shifted, source)

    def spectrum(wave: torch.Tensor) -> torch.Tensor:
        window = torch.hann_window(320)
        return torch.stft(wave, 320, 40, window=window, return_complex=True)

    wanted, found = spectrum(shifted).abs(), spectrum(target).abs()
    assert (found - wanted).norm() < 0.3 * wanted.norm()
    # The delay is gone: the target is where its source is.
    assert (target * source).sum() > 0.8 * target.norm() * source.norm()
    assert (shifted * source).sum() < 0.8 * shifted.norm() * source.norm()


def test_a_source_has_the_pitch_that_was_found_in_a_mel() -> None:
    f0 = torch.cat((torch.full((4200,), 120.0), torch.zeros(100), torch.full((200,), 150.0)))
    source = source_of(f0)
    assert len(source) == 480 * len(f0)
    heard = pitch(source.float() / INT16)
    assert heard[50:4150].median() == pytest.approx(120, rel=0.02)
    assert heard[4320:4480].median() == pytest.approx(150, rel=0.02)
    assert (heard[4210:4290] > 0).float().mean() < 0.2
