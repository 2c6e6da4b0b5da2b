import pytest
import torch
from recipes.mini.vocal_tract import scaled, scalings

from podtts.audio.mel import log_mel_16k

_RATE_HZ = 16_000


def _loudest(features: torch.Tensor) -> int:
    return int(features.mean(dim=1).argmax())


@pytest.mark.parametrize("factor", [0.8, 0.93, 1.07, 1.25])
@pytest.mark.parametrize("hertz", [300.0, 900.0, 2500.0])
def test_a_tone_moves_to_where_a_tone_of_that_frequency_is(factor: float, hertz: float) -> None:
    seconds = torch.arange(_RATE_HZ) / _RATE_HZ
    low, high = (
        log_mel_16k(torch.sin(2 * torch.pi * f * seconds)) for f in (hertz, factor * hertz)
    )
    # A spectrum of 40 Hz a bin puts a low tone up to two mel bins away.
    assert abs(_loudest(scaled(low, factor)) - _loudest(high)) <= 2


def test_nothing_changes_with_the_factor_1() -> None:
    features = torch.randn(2, 128, 7)
    assert torch.allclose(scaled(features, 1.0), features, atol=1e-4)


def test_a_matrix_scales_as_well() -> None:
    mel = torch.randn(2, 7, 80)
    matrices = scalings(80, (1.0, 0.9))
    expected = torch.stack([scaled(one.T, f).T for one, f in zip(mel, (1.0, 0.9), strict=True)])
    assert torch.allclose(torch.bmm(mel, matrices), expected, atol=1e-5)
