"""The vocoder that goes on chunk by chunk gives the wave of the whole mel."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.golden_data import models, relative_rms, tensors
from torch import Tensor

from podtts.options import Precision
from podtts.rates import MEL_HOP
from podtts.vocoder.streaming import HELD_BACK_FRAMES, VocoderState, extend

MEL = torch.cat([tensors("hift")["mel"].T] * 3)
NOISE = torch.randn(9, len(MEL) * MEL_HOP, generator=torch.Generator().manual_seed(3))


def parts_of(mel: Tensor, sizes: list[int], precision: Precision = "float32") -> list[Tensor]:
    """The samples that every part of a mel completes; sizes are those of all parts but the last."""
    state, parts, start = VocoderState(), [], 0
    for size in [*sizes, len(mel)]:
        stop = min(start + size, len(mel))
        noise = NOISE[:, start * MEL_HOP : stop * MEL_HOP]
        part, state = extend(
            models().vocoder, state, mel[start:stop], noise, precision, last=stop == len(mel)
        )
        parts.append(part)
        if stop == len(mel):
            break
        start = stop
    return parts


def whole(mel: Tensor, precision: Precision = "float32") -> Tensor:
    return models().vocoder.render([mel], [NOISE[:, : len(mel) * MEL_HOP]], precision)[0]


@settings(max_examples=15)
@given(st.integers(1, len(MEL)), st.lists(st.integers(0, 60), max_size=6))
def test_parts_of_any_size_give_the_wave_of_the_whole(frames: int, sizes: list[int]) -> None:
    wave = torch.cat(parts_of(MEL[:frames], sizes))
    assert relative_rms(wave, whole(MEL[:frames])) < 1e-4


def test_bfloat16_parts_give_the_wave_of_the_whole() -> None:
    wave = torch.cat(parts_of(MEL, [32, 50], "bfloat16"))
    assert relative_rms(wave, whole(MEL, "bfloat16")) < 0.02


def test_float32_can_take_over() -> None:
    sizes, vocoder = [40, len(MEL)], models().vocoder
    state, parts, start = VocoderState(), [], 0
    precisions: tuple[Precision, ...] = ("bfloat16", "float32")
    for size, precision in zip(sizes, precisions, strict=True):
        mel = MEL[start : start + size]
        noise = NOISE[:, start * MEL_HOP : (start + len(mel)) * MEL_HOP]
        part, state = extend(vocoder, state, mel, noise, precision, last=start > 0)
        parts.append(part)
        start += size
    assert relative_rms(torch.cat(parts), whole(MEL)) < 0.02


def test_samples_are_held_back_for_as_long_as_a_later_frame_changes_them() -> None:
    frames = len(MEL) // 2
    first, _ = parts_of(MEL, [frames])
    changed = MEL.clone()
    changed[frames:] += 0.5
    differs = (whole(changed) != whole(MEL)).nonzero()[:, 0]
    assert int(differs[0]) >= len(first)
    # And no sample waits for longer than a step of the transforms.
    assert int(differs[0]) - len(first) < MEL_HOP
    assert -(-(frames * MEL_HOP - len(first)) // MEL_HOP) == HELD_BACK_FRAMES


@pytest.mark.parametrize("frames", [1, 2, 25])
def test_a_short_mel_is_completed_at_its_end(frames: int) -> None:
    parts = parts_of(MEL[:frames], [1] * (frames - 1))
    assert sum(map(len, parts)) == frames * MEL_HOP
