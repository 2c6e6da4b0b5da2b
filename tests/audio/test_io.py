import io
from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor

import podtts
from podtts.audio.decoder import AudioDecoder, Excerpt
from podtts.audio.io import Recording, decode_audio, resample
from podtts.audio.strict_decoding import TooLongError
from podtts.errors import AudioError, InputError

SOURCE = Path(podtts.__file__).parents[1]


def tone(seconds: float, rate_hz: int, hz: float = 220.0) -> Tensor:
    return 0.5 * torch.sin(torch.arange(int(seconds * rate_hz)) * (2 * torch.pi * hz / rate_hz))


def encoded(wave: Tensor, rate_hz: int, container: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, wave.numpy(), rate_hz, format=container, subtype=subtype)
    return file.getvalue()


# Decoding


@pytest.mark.parametrize(
    ("container", "subtype", "tolerance"),
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "PCM_U8", 1e-2),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "FLOAT", 0.0),
        ("RF64", "PCM_16", 1e-4),
        ("FLAC", "PCM_16", 1e-4),
        ("MP3", "MPEG_LAYER_III", 0.02),
        ("OGG", "VORBIS", 0.02),
        ("OGG", "OPUS", 0.02),
    ],
)
def test_formats_are_decoded(
    container: str, subtype: str, tolerance: float, decoder: AudioDecoder
) -> None:
    wave = tone(1.5, 24_000)
    recording = decode_audio(encoded(wave, 24_000, container, subtype), "anna", decoder)
    assert recording.rate_hz == 24_000
    assert recording.wave.dtype == torch.float32
    assert recording.seconds == 1.5
    inner = slice(2000, -2000)  # lossy codecs blur the edges
    assert (recording.wave[inner] - wave[inner]).abs().max() <= tolerance


@pytest.mark.parametrize(
    ("levels", "used", "words"),
    [
        ((1.0,), (0,), ""),
        ((1.0, 0.5), (0, 1), "the mean of both channels"),
        ((0.0, 1.0), (1,), "channel 2 of 2"),
        ((1.0, 0.005), (0,), "channel 1 of 2"),  # noise of a cable
        ((0.0, 1.0, 0.5, 0.0), (1, 2), "the mean of 2, 3 of 4 channels"),
        ((0.0, 0.0), (0, 1), "the mean of both channels"),
    ],
)
def test_channels_with_sound_are_mixed(
    levels: tuple[float, ...], used: tuple[int, ...], words: str, decoder: AudioDecoder
) -> None:
    waves = [level * tone(1.0, 8000, 220.0 + 80 * each) for each, level in enumerate(levels)]
    channels = torch.stack(waves, dim=1)
    recording = decode_audio(encoded(channels, 8000, "WAV", "FLOAT"), "anna", decoder)
    assert (recording.wave - channels[:, used].mean(dim=1)).abs().max() < 1e-7
    assert recording.channels_used == words


def test_the_first_channel_alone_can_be_asked_for(decoder: AudioDecoder) -> None:
    channels = torch.stack([tone(1.0, 8000), tone(1.0, 8000, 300.0)], dim=1)
    raw = encoded(channels, 8000, "WAV", "FLOAT")
    recording = decode_audio(raw, "anna", decoder, Excerpt(first_channel=True))
    assert torch.equal(recording.wave, channels[:, 0])


def test_an_excerpt_is_decoded_to_the_sample(decoder: AudioDecoder) -> None:
    wave = tone(40.0, 8000)
    raw = encoded(wave, 8000, "WAV", "FLOAT")
    excerpt = decode_audio(raw, "anna", decoder, Excerpt(12.5, 24.0))
    assert torch.equal(excerpt.wave, wave[100_000:192_000])
    assert torch.equal(decode_audio(raw, "anna", decoder, Excerpt(30.0)).wave, wave[240_000:])
    with pytest.raises(TooLongError, match=r"is 39\.00 s long"):
        decode_audio(raw, "anna", decoder, Excerpt(1.0))
    with pytest.raises(AudioError, match="ends before 50 s"):
        decode_audio(raw, "anna", decoder, Excerpt(50.0))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "is empty"),
        (b"This is what the speaker says.\n" * 20, "cannot be read as audio"),
        (b"RIFF", "cannot be read as audio"),
        (encoded(torch.zeros(0), 24_000, "WAV", "PCM_16"), "contains no samples"),
        (encoded(torch.full((9,), float("nan")), 24_000, "WAV", "FLOAT"), "NaN or infinite"),
        (encoded(torch.full((9,), float("inf")), 24_000, "WAV", "FLOAT"), "NaN or infinite"),
        (encoded(torch.zeros(240_001), 8000, "WAV", "PCM_U8"), "is 30.00 s long, longer than 30"),
    ],
    ids=["empty", "text", "four-bytes", "no-samples", "nan", "inf", "too-long"],
)
def test_unusable_bytes_are_refused_with_the_name_of_the_recording(
    raw: bytes, problem: str, decoder: AudioDecoder
) -> None:
    with pytest.raises(AudioError) as caught:
        decode_audio(raw, "speakers/anna.wav", decoder)
    assert caught.value.problem.startswith("speakers/anna.wav: ")
    assert problem in caught.value.problem
    assert caught.value.hint


def test_audio_is_decoded_without_a_given_decoder() -> None:
    assert decode_audio(encoded(tone(1.0, 8000), 8000, "WAV", "PCM_16"), "anna").seconds == 1.0


def test_a_recording_made_by_a_program_is_checked_too() -> None:
    with pytest.raises(AudioError, match="anna: contains no samples"):
        Recording("anna", torch.zeros(0), 24_000)


# Resampling


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 22_050, 44_100, 48_000, 192_000])
def test_a_tone_survives_resampling(rate_hz: int) -> None:
    resampled = resample(tone(1.0, rate_hz), rate_hz, 24_000)
    assert resampled.dtype == torch.float32
    assert len(resampled) == 24_000
    assert (resampled - tone(1.0, 24_000))[500:-500].abs().max() < 1e-3


def test_an_equal_rate_changes_nothing() -> None:
    wave = tone(0.1, 24_000)
    assert torch.equal(resample(wave, 24_000, 24_000), wave)


def test_a_rate_without_a_common_divisor_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="sample rate of 44101 Hz is not supported"):
        resample(torch.zeros(100), 44_101, 16_000)
