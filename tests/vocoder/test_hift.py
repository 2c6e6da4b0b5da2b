import torch
from support.golden_data import models, relative_rms, tensors

from podtts.rates import MEL_HOP


def test_wave_is_the_published_one() -> None:
    golden = tensors("hift")
    wave = models().vocoder.wave([golden["mel"].T], [golden["source"][0]])[0]
    assert relative_rms(wave, golden["wave"]) < 1e-4


def test_f0_is_the_published_one() -> None:
    golden = tensors("hift")
    assert relative_rms(models().vocoder.f0([golden["mel"].T])[0], golden["f0"]) < 1e-5


def test_padded_batch_equals_single_rows() -> None:
    vocoder = models().vocoder
    whole = tensors("hift")["mel"].T
    rng = torch.Generator().manual_seed(2)
    mels = [whole[:5], whole, whole[10:47], whole[:2]]
    noise = [torch.randn(9, len(mel) * MEL_HOP, generator=rng) for mel in mels]
    together = vocoder.wave(mels, vocoder.source(vocoder.f0(mels), noise))
    for row, mel in enumerate(mels):
        alone = vocoder.render([mel], [noise[row]])[0]
        assert relative_rms(together[row], alone) < 1e-5
        assert torch.equal(vocoder.render(mels, noise)[row], alone)


def test_samples_stay_within_the_limit() -> None:
    mel = tensors("hift")["mel"].T + 20
    wave = models().vocoder.render([mel], [torch.zeros(9, len(mel) * MEL_HOP)])[0]
    assert wave.abs().max() == torch.tensor(0.99)  # reached, and not passed


def test_bfloat16_is_near_and_leaves_float32_as_it_was() -> None:
    golden, vocoder = tensors("hift"), models().vocoder
    mel, source, names = golden["mel"].T, golden["source"][0], set(vocoder.state_dict())
    before = vocoder.wave([mel], [source])[0]
    narrow = vocoder.wave([mel], [source], "bfloat16")[0]
    assert narrow.dtype == torch.float32
    assert 0 < relative_rms(narrow, before) < 0.02
    assert torch.equal(vocoder.wave([mel], [source])[0], before)
    assert set(vocoder.state_dict()) == names
