from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from podtts.audio.decoder import AudioDecoder, Excerpt
from podtts.audio.io import decode_audio, resample
from podtts.audio.mel import fbank_16k, log_mel_16k, mel_24k
from podtts.audio.volume_normalization import normalize_volume

GOLDEN = Path(__file__).parents[1] / "golden"
# The published code takes the first channel, and podtts mixes those with sound.
PUBLISHED = Excerpt(first_channel=True)
RECORDINGS = ("a_24k_mono", "b_44k_stereo", "c_16k_quiet")


def relative_rms(ours: Tensor, published: Tensor) -> float:
    assert ours.shape == published.shape
    assert ours.dtype == published.dtype
    error, scale = (ours - published).double().square().mean(), published.double().square().mean()
    return float((error / scale).sqrt())


@pytest.mark.parametrize("name", RECORDINGS)
def test_front_ends_agree_with_the_published_code(name: str, decoder: AudioDecoder) -> None:
    golden = load_file(GOLDEN / f"prompt_{name}.safetensors")
    path = GOLDEN / "audio" / f"{name}.wav"
    recording = decode_audio(path.read_bytes(), str(path), decoder, PUBLISHED)

    wave_16k = normalize_volume(resample(recording.wave, recording.rate_hz, 16_000))
    assert relative_rms(wave_16k, golden["wave_16k"]) < 1e-5
    assert relative_rms(log_mel_16k(golden["wave_16k"]), golden["log_mel_16k"]) < 1e-5
    assert relative_rms(fbank_16k(golden["wave_16k"]), golden["fbank_16k"]) < 1e-5

    wave_24k = resample(normalize_volume(recording.wave), recording.rate_hz, 24_000)
    assert relative_rms(mel_24k(wave_24k), golden["mel_24k"]) < 1e-4


@pytest.mark.parametrize(("samples", "frames"), [(48_000, 100), (48_479, 100), (48_480, 100)])
def test_mel_frames_come_in_pairs(samples: int, frames: int) -> None:
    assert mel_24k(torch.zeros(samples)).shape == (frames, 80)


def test_log_mel_has_a_hundred_frames_a_second() -> None:
    assert log_mel_16k(torch.ones(16_000)).shape == (128, 100)


def test_silence_gives_finite_features() -> None:
    silence = torch.zeros(24_000)
    assert log_mel_16k(silence).isfinite().all()
    assert fbank_16k(silence).isfinite().all()
    assert torch.allclose(mel_24k(silence), torch.tensor(1e-5).log())


def test_each_bin_of_the_filter_bank_has_mean_zero() -> None:
    noise = torch.randn(32_000, generator=torch.Generator().manual_seed(1)) * 0.1
    assert fbank_16k(noise).mean(dim=0).abs().max() < 1e-4
