from pathlib import Path

import pytest
import torch
from torch import Tensor

from podtts.audio.decoder import AudioDecoder
from podtts.audio.flaws import find_flaws
from podtts.audio.io import Recording, decode_audio

RECORDINGS = sorted(Path(__file__).parents[2].glob("examples/speakers/*.wav"))


def flaws(wave: Tensor, rate_hz: int = 24_000) -> tuple[str, ...]:
    return find_flaws(Recording("anna.wav", wave, rate_hz))


def noise(seconds: float, level: float = 0.1) -> Tensor:
    return torch.randn(round(seconds * 24_000), generator=torch.Generator().manual_seed(1)) * level


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_the_examples_have_none_and_get_those_done_to_them(
    path: Path, decoder: AudioDecoder
) -> None:
    recording = decode_audio(path.read_bytes(), str(path), decoder)
    wave, rate_hz = recording.wave, recording.rate_hz
    assert flaws(wave, rate_hz) == ()
    loud = (wave / wave.abs().max() * 2).clamp(-1, 1)
    (clipped,) = flaws(loud, rate_hz)
    assert "of its samples are clipped" in clipped
    (offset,) = flaws(wave * 0.5 - 0.1, rate_hz)
    assert "have an offset of -0." in offset
    late = torch.cat([torch.zeros(2 * rate_hz), wave])
    (silent,) = flaws(late, rate_hz)
    assert silent.startswith("it begins with 2.")
    (silent,) = flaws(late.flip(0), rate_hz)
    assert silent.startswith("it ends with 2.")


def test_noise_has_none() -> None:
    assert len(RECORDINGS) >= 2
    assert flaws(noise(3.0)) == ()
    assert flaws(noise(3.0, 0.003)) == ()  # quiet is no flaw


def test_mostly_silent_is_said() -> None:
    word, pause = noise(0.4), torch.zeros(24_000 * 6 // 10)
    (found,) = flaws(torch.cat([word, pause] * 5 + [word]))
    assert found == "it is silent for 56% of the time: use one with more speech"


def test_a_single_sound_is_said() -> None:
    found = flaws(torch.cat([torch.zeros(48_000), noise(0.02), torch.zeros(48_000)]))
    assert [flaw.partition(":")[0] for flaw in found] == [
        "it begins with 2.0 s of silence",
        "it ends with 2.0 s of silence",
        "it is silent for 100% of the time",
    ]


def test_a_click_hides_no_speech() -> None:
    wave = noise(3.0, 0.01)
    wave[100] = 0.9
    assert flaws(wave) == ()


def test_a_few_full_samples_are_no_clipping() -> None:
    wave = noise(3.0)
    wave[:72] = 1.0
    assert flaws(wave) == ()
    wave[:73] = 1.0
    assert "0.1% of its samples are clipped" in flaws(wave)[0]


def test_less_than_a_frame_is_no_trouble() -> None:
    assert flaws(noise(0.01)) == ()
