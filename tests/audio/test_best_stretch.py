"""The best part of a long recording, and recordings without the silence at their ends."""

import torch
from torch import Tensor

from podtts.audio.best_stretch import best_stretch
from podtts.audio.edge_silence import without_edge_silence
from podtts.audio.io import Recording

HZ = 8000


def speech(seconds: float, level: float = 0.3) -> Tensor:
    generator = torch.Generator().manual_seed(round(1000 * seconds))
    return level * (torch.rand(round(seconds * HZ), generator=generator) * 2 - 1)


def pause(seconds: float) -> Tensor:
    return torch.zeros(round(seconds * HZ))


def stretch(*parts: Tensor) -> tuple[float, float] | None:
    return best_stretch(Recording("anna", torch.cat(parts), HZ))


def test_a_stretch_begins_and_ends_in_pauses() -> None:
    found = stretch(speech(40), pause(0.5), speech(12), pause(0.5), speech(40))
    assert found is not None
    start, stop = found
    assert 40.0 < start < 40.5
    assert 52.5 < stop < 53.0


def test_clipping_and_silence_are_avoided() -> None:
    loud = speech(12, 2.0).clamp(-1, 1)
    sparse = torch.cat([speech(1), pause(1.5)] * 5)
    found = stretch(loud, pause(0.4), sparse, pause(0.4), speech(11), pause(0.4), loud)
    assert found is not None
    start, stop = found
    assert 24.9 <= start <= 25.4
    assert 36.2 <= stop <= 37.0


def test_a_recording_without_pauses_has_none() -> None:
    assert stretch(speech(60)) is None
    assert stretch(pause(60)) is None


def test_silence_at_both_ends_is_left_out_with_a_margin() -> None:
    wave = torch.cat([pause(2), speech(3), pause(1.5)])
    trimmed = without_edge_silence(Recording("anna", wave, HZ))
    assert torch.equal(trimmed.wave, wave[round(1.8 * HZ) : round(5.2 * HZ)])
    for whole in (speech(3), pause(3)):
        assert torch.equal(without_edge_silence(Recording("anna", whole, HZ)).wave, whole)
