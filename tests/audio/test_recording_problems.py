from pathlib import Path

import pytest
import torch
from torch import Tensor

from podtts.audio.decoder import AudioDecoder
from podtts.audio.io import Recording, decode_audio
from podtts.audio.recording_problems import find_recording_problems

RECORDINGS = sorted(Path(__file__).parents[2].glob("examples/speakers/*.wav"))


def problems(wave: Tensor, rate_hz: int = 24_000) -> tuple[str, ...]:
    return find_recording_problems(Recording("anna.wav", wave, rate_hz))


def noise(seconds: float, level: float = 0.1) -> Tensor:
    return torch.randn(round(seconds * 24_000), generator=torch.Generator().manual_seed(1)) * level


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_examples_have_no_problems_and_added_ones_are_found(
    path: Path, decoder: AudioDecoder
) -> None:
    recording = decode_audio(path.read_bytes(), str(path), decoder)
    wave, rate_hz = recording.wave, recording.rate_hz
    assert problems(wave, rate_hz) == ()
    loud = (wave / wave.abs().max() * 2).clamp(-1, 1)
    (clipped,) = problems(loud, rate_hz)
    assert "of its samples are clipped" in clipped
    (offset,) = problems(wave * 0.5 - 0.1, rate_hz)
    assert "has a DC offset of -0." in offset
    late = torch.cat([torch.zeros(2 * rate_hz), wave])
    (silent,) = problems(late, rate_hz)
    assert silent.startswith("it begins with 2.")
    (silent,) = problems(late.flip(0), rate_hz)
    assert silent.startswith("it ends with 2.")


def test_noise_has_no_problems() -> None:
    assert len(RECORDINGS) >= 2
    assert problems(noise(3.0)) == ()
    assert problems(noise(3.0, 0.003)) == ()  # a quiet recording is no problem


def test_much_silence_is_reported() -> None:
    word, pause = noise(0.4), torch.zeros(24_000 * 6 // 10)
    (problem,) = problems(torch.cat([word, pause] * 5 + [word]))
    assert problem == "it is silent for 56% of the time: use a recording with more speech"


def test_a_single_sound_in_silence_is_reported() -> None:
    messages = problems(torch.cat([torch.zeros(48_000), noise(0.02), torch.zeros(48_000)]))
    assert [problem.partition(":")[0] for problem in messages] == [
        "it begins with 2.0 s of silence",
        "it ends with 2.0 s of silence",
        "it is silent for 100% of the time",
    ]


def test_speech_beside_a_loud_click_is_not_silence() -> None:
    wave = noise(3.0, 0.01)
    wave[100] = 0.9
    assert problems(wave) == ()


def test_a_few_full_scale_samples_are_not_clipping() -> None:
    wave = noise(3.0)
    wave[:72] = 1.0
    assert problems(wave) == ()
    wave[:73] = 1.0
    assert "0.1% of its samples are clipped" in problems(wave)[0]


def test_a_wave_shorter_than_a_frame_has_no_problems() -> None:
    assert problems(noise(0.01)) == ()
