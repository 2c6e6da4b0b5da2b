import pytest
import torch
from support.golden_data import models, relative_rms, tensors

from podtts.rates import MEL_HOP


def test_wave_is_the_published_one() -> None:
    golden = tensors("hift")
    wave = models().vocoder.wave([golden["mel"].T], [golden["source"][0]])[0]
    assert relative_rms(wave, golden["wave"]) < 1e-4


def test_padded_batch_equals_single_rows() -> None:
    vocoder = models().vocoder
    mel = tensors("hift")["mel"].T
    rng = torch.Generator().manual_seed(2)
    mels = [mel[:5], mel, mel[10:47], mel[:2]]
    noise = [torch.randn(9, len(row) * MEL_HOP, generator=rng) for row in mels]
    together = vocoder.wave(mels, vocoder.source(vocoder.f0(mels), noise))
    for row, row_mel in enumerate(mels):
        alone = vocoder.render([row_mel], [noise[row]])[0]
        assert relative_rms(together[row], alone) < 1e-5
        assert torch.equal(vocoder.render(mels, noise)[row], alone)


def test_samples_stay_within_the_limit() -> None:
    mel = tensors("hift")["mel"].T + 20
    wave = models().vocoder.render([mel], [torch.zeros(9, len(mel) * MEL_HOP)])[0]
    assert wave.abs().max() == torch.tensor(0.99)  # reached, but not exceeded


@pytest.mark.usefixtures("native_bfloat16")
def test_bfloat16_is_near_float32_and_does_not_change_it() -> None:
    golden, vocoder = tensors("hift"), models().vocoder
    mel, source, names = golden["mel"].T, golden["source"][0], set(vocoder.state_dict())
    before = vocoder.wave([mel], [source])[0]
    bfloat16 = vocoder.wave([mel], [source], "bfloat16")[0]
    assert bfloat16.dtype == torch.float32
    assert 0 < relative_rms(bfloat16, before) < 0.02
    assert torch.equal(vocoder.wave([mel], [source])[0], before)
    assert set(vocoder.state_dict()) == names
