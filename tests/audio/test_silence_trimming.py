import pytest
import torch
from torch import Tensor

from podtts.audio.silence_trimming import trim_silence


def test_silence_is_removed_up_to_a_margin() -> None:
    speech = torch.full((4_800,), 0.1)
    noise = torch.full((9_600,), 0.002)  # -54 dBFS
    cut = trim_silence(torch.cat([noise, speech, noise[:4_800], speech, noise]))
    assert len(cut) == 720 + 4_800 + 4_800 + 4_800 + 720
    assert torch.equal(cut[720 : 720 + 4_800], speech)


def test_a_wave_without_silent_ends_is_unchanged() -> None:
    wave = torch.full((4_800,), -0.1)
    assert torch.equal(trim_silence(wave), wave)


@pytest.mark.parametrize("wave", [torch.zeros(4_800), torch.full((10,), 0.001), torch.zeros(0)])
def test_silence_alone_is_unchanged(wave: Tensor) -> None:
    assert torch.equal(trim_silence(wave), wave)
