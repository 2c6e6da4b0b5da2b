from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from podtts.audio.decoder import Excerpt
from podtts.audio.io import Recording, decode_audio
from podtts.errors import AudioError
from podtts.prompts.encoders import PromptEncoders
from podtts.prompts.extract import extract_prompt, prompt_inputs

# The published code takes the first channel, and podtts mixes those with sound.
PUBLISHED = Excerpt(first_channel=True)
RECORDINGS = ("a_24k_mono", "b_44k_stereo", "c_16k_quiet")


def relative_rms(ours: Tensor, published: Tensor) -> float:
    assert ours.shape == published.shape
    assert ours.dtype == published.dtype
    error, scale = (ours - published).double().square().mean(), published.double().square().mean()
    return float((error / scale).sqrt())


def noise(seconds: float, peak: float = 0.5) -> Recording:
    generator = torch.Generator().manual_seed(1)
    wave = torch.rand(round(seconds * 24_000), generator=generator) * 2 - 1
    return Recording("anna.wav", wave / wave.abs().max() * peak, 24_000)


@pytest.mark.parametrize("name", RECORDINGS)
def test_features_agree_with_the_published_code(
    name: str, golden: Path, encoders: PromptEncoders
) -> None:
    published = load_file(golden / f"prompt_{name}.safetensors")
    path = golden / "audio" / f"{name}.wav"
    recording = decode_audio(path.read_bytes(), str(path), excerpt=PUBLISHED)

    inputs = prompt_inputs(recording)
    assert relative_rms(inputs.log_mel_16k, published["log_mel_16k"]) < 1e-4
    assert relative_rms(inputs.fbank_16k, published["fbank_16k"]) < 1e-4
    assert relative_rms(inputs.mel_24k, published["mel_24k"]) < 1e-4
    assert torch.equal(encoders.speech_tokens(inputs.log_mel_16k), published["speech_tokens"])

    features = extract_prompt(recording, encoders)
    tokens = min(len(published["speech_tokens"]), len(published["mel_24k"]) // 2)
    assert torch.equal(features.speech_tokens, published["speech_tokens"][:tokens])
    assert relative_rms(features.mel, published["mel_24k"][: 2 * tokens]) < 1e-4
    assert relative_rms(features.speaker_embedding, published["speaker_embedding"]) < 1e-4


def test_every_golden_recording_has_one_extra_mel_token(golden: Path) -> None:
    """Without it, the test above would not show that tokens and mel frames are aligned."""
    for name in RECORDINGS:
        published = load_file(golden / f"prompt_{name}.safetensors")
        assert 2 * len(published["speech_tokens"]) == len(published["mel_24k"]) + 2


@pytest.mark.parametrize("seconds", [1.0, 1.013, 1.03, 30.0])
def test_every_token_has_two_mel_frames(seconds: float, encoders: PromptEncoders) -> None:
    features = extract_prompt(noise(seconds), encoders)
    assert features.speech_tokens.dtype == torch.int32
    assert features.mel.shape == (2 * len(features.speech_tokens), 80)
    assert features.seconds == pytest.approx(seconds, abs=0.041)


@pytest.mark.parametrize(
    ("recording", "problem"),
    [
        (noise(30.01), "is 30.01 s long, longer than 30 s"),
        (noise(0.99), "is 0.99 s long, shorter than 1 s"),
        (noise(5.0, peak=0.0009), "is silent"),
        (Recording("anna.wav", torch.full((48_000,), 0.5), 24_000), "is silent"),
    ],
    ids=["long", "short", "silent", "offset-alone"],
)
def test_unusable_recordings_are_refused_with_advice(recording: Recording, problem: str) -> None:
    with pytest.raises(AudioError) as caught:
        prompt_inputs(recording)
    assert caught.value.problem.startswith(f"anna.wav: {problem}")
    assert "5 to 20 s" in caught.value.hint


def test_an_unsupported_sample_rate_is_refused() -> None:
    odd = Recording("anna.wav", noise(2.0).wave, 44_101)
    with pytest.raises(AudioError, match=r"anna\.wav: has a sample rate of 44101 Hz") as caught:
        prompt_inputs(odd)
    assert "ffmpeg -i anna.wav -ac 1 -ar 24000 anna-24k.wav" in caught.value.hint


def test_a_very_quiet_recording_is_accepted() -> None:
    assert prompt_inputs(noise(2.0, peak=0.002)).mel_24k.isfinite().all()
