"""The estimator's contract; tests/flow/test_decode.py has golden numbers."""

import math

import pytest
import torch
from support.golden_data import models
from torch import Tensor

from podtts.flow.estimator import time_waves
from podtts.flow.masks import valid_positions


def velocity(x: Tensor, valid: Tensor | None = None, chunk_frames: int = 0) -> Tensor:
    out: Tensor = models().flow.estimator(x, valid, torch.full((len(x),), 0.3), chunk_frames)
    return out


def inputs(rows: int, frames: int) -> Tensor:
    channels = models().flow.config.estimator.input_channels
    return torch.randn(rows, channels, frames, generator=torch.Generator().manual_seed(0))


def test_times_are_encoded_as_sines_and_cosines() -> None:
    waves = time_waves(torch.tensor([0.0, 0.5]), 6)
    assert waves[0].tolist() == [0, 0, 0, 1, 1, 1]
    angles = [500 * 10_000 ** (-step / 2) for step in range(3)]
    expected = [*map(math.sin, angles), *map(math.cos, angles)]
    torch.testing.assert_close(waves[1], torch.tensor(expected), rtol=1e-4, atol=1e-4)


def test_padding_does_not_change_a_row_and_has_no_velocity() -> None:
    x = inputs(2, 12)
    both = velocity(x, valid_positions(torch.tensor([7, 12]), 12))
    torch.testing.assert_close(both[:1, :, :7], velocity(x[:1, :, :7]), rtol=1e-4, atol=1e-5)
    assert (both[0, :, 7:] == 0).all()


@pytest.mark.parametrize(("chunk_frames", "changes"), [(0, True), (4, False)])
def test_later_chunks_are_hidden_only_in_chunk_causal_mode(
    chunk_frames: int, changes: bool
) -> None:
    x = inputs(1, 12)
    changed = x.clone()
    changed[:, :, 8:] += 1
    before = velocity(x, chunk_frames=chunk_frames)[..., :8]
    after = velocity(changed, chunk_frames=chunk_frames)[..., :8]
    assert torch.allclose(before, after, rtol=1e-4, atol=1e-5) is not changes
