import numpy as np
import torch
from recipes.mini.corpus import measure
from recipes.mini.f0 import at_mel_frames
from recipes.mini.speech import Utterance


def _utterance(seconds: float) -> Utterance:
    size = int(seconds * 40) * 600
    rng = np.random.default_rng(0)
    wave = (3000 * rng.standard_normal(size)).astype(np.int16)
    f0 = np.full(size // 300, 120, np.float16)
    return Utterance("x", 0, wave, f0, "^ˈa$", np.array([600, 600, size - 1800, 600], np.int32))


def test_an_utterance_is_cut_to_whole_tokens() -> None:
    measured = measure(_utterance(1.63))
    assert measured is not None
    assert measured.tokens == 40
    assert len(measured.mel) == len(measured.f0) == 2 * measured.tokens
    assert len(measured.codes) == measured.tokens
    assert len(measured.log_mel) == len(measured.fbank) == 4 * measured.tokens
    assert measure(_utterance(0.9)) is None


def test_pitch_is_read_in_the_middle_of_a_mel_frame() -> None:
    # Values stand at samples 150, 450, 750; the first two middles are 240 and 720.
    curve = torch.tensor([100.0, 110.0, 120.0, 130.0])
    assert at_mel_frames(curve, 2).tolist() == [103.0, 119.0]


def test_beside_unvoiced_values_pitch_does_not_slide() -> None:
    curve = torch.tensor([100.0, 0.0, 0.0, 200.0])
    assert at_mel_frames(curve, 2).tolist() == [100.0, 0.0]
