"""Recorded evaluations, with the CPU in place of a device that records."""

import copy
import logging
import threading

import pytest
import torch
from support.golden_data import models, relative_rms, tensors
from support.replays import Replays
from torch import Tensor

from podtts.flow import decode
from podtts.flow.masks import valid_positions
from podtts.flow.recorded_estimator import (
    FIRST_SIZE,
    KEPT,
    MOST_FRAMES,
    RecordedEstimator,
)
from podtts.options import FlowOptions
from podtts.values import PromptFeatures

CHANNELS = models().flow.config.estimator.input_channels


def inputs(rows: int, frames: int, padded: int, seed: int = 0) -> tuple[Tensor, Tensor | None]:
    rng = torch.Generator().manual_seed(seed)
    x = torch.zeros(rows, CHANNELS, padded)
    x[..., :frames] = torch.randn(rows, CHANNELS, frames, generator=rng)
    return x, valid_positions(torch.tensor([frames] * rows), padded)


def estimate(recorded: RecordedEstimator, rows: int, frames: int, time: float = 0.3) -> Tensor:
    padded = recorded.size(rows, frames)
    x, valid = inputs(rows, frames, padded, seed=frames)
    with torch.inference_mode():
        return recorded(x, valid, torch.full((rows,), time), 0)[..., :frames]


def exact(rows: int, frames: int, time: float = 0.3) -> Tensor:
    x, _ = inputs(rows, frames, frames, seed=frames)
    with torch.inference_mode():
        out: Tensor = models().flow.estimator(x, None, torch.full((rows,), time), 0)
    return out


@pytest.mark.parametrize("rows", [1, 2])
def test_other_lengths_of_the_same_size_share_a_recording(rows: int) -> None:
    recorder = Replays()
    recorded = RecordedEstimator(models().flow.estimator, recorder)
    for frames, time in ((7, 0.3), (FIRST_SIZE, 0.3), (12, 0.8), (7, 0.3)):
        got = estimate(recorded, rows, frames, time)
        torch.testing.assert_close(got, exact(rows, frames, time), rtol=1e-4, atol=1e-5)
    assert recorder.recorded == 1


def test_a_velocity_is_the_callers_own() -> None:
    recorded = RecordedEstimator(models().flow.estimator, Replays())
    first = estimate(recorded, 1, 7)
    before = first.clone()
    estimate(recorded, 1, 12)
    assert torch.equal(first, before)


def test_too_many_frames_are_neither_padded_nor_recorded() -> None:
    recorder = Replays()
    recorded = RecordedEstimator(models().flow.estimator, recorder)
    rows = MOST_FRAMES // FIRST_SIZE
    assert recorded.size(rows, 7) == 7  # with and without conditions
    assert recorded.size(rows // 2, 7) == FIRST_SIZE
    x, valid = inputs(rows + 1, 7, FIRST_SIZE)
    with torch.inference_mode():
        recorded(x, valid, torch.zeros(rows + 1), 0)
    assert recorder.recorded == 0


def test_the_recording_unused_for_longest_is_forgotten() -> None:
    recorder = Replays()
    recorded = RecordedEstimator(models().flow.estimator, recorder)
    first = inputs(1, 7, FIRST_SIZE)
    with torch.inference_mode():
        for chunk in range(1, KEPT + 2):
            recorded(*first, torch.zeros(1), chunk)
            recorded(*first, torch.zeros(1), 1)  # used all the time
        assert recorder.recorded == KEPT + 1
        recorded(*first, torch.zeros(1), KEPT + 1)
        assert recorder.recorded == KEPT + 1
        recorded(*first, torch.zeros(1), 2)
    assert recorder.recorded == KEPT + 2


def test_a_refusal_is_told_once_and_the_velocity_is_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Replays()
    recorded = RecordedEstimator(models().flow.estimator, recorder)
    refused = RecordedEstimator(models().flow.estimator, Replays("no room"))
    with caplog.at_level(logging.WARNING):
        for frames in (7, 12):
            assert torch.equal(estimate(refused, 1, frames), estimate(recorded, 1, frames))
    assert [record.message for record in caplog.records] == [
        "the flow's evaluations are not recorded, so slower: no room"
    ]


def test_threads_do_not_disturb_each_other() -> None:
    recorded = RecordedEstimator(models().flow.estimator, Replays())
    alone = {frames: estimate(recorded, 1, frames) for frames in (7, 12)}
    wrong: list[int] = []

    def repeat(frames: int) -> None:
        for _ in range(20):
            if not torch.equal(estimate(recorded, 1, frames), alone[frames]):
                wrong.append(frames)

    threads = [threading.Thread(target=repeat, args=(frames,)) for frames in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    "options", [FlowOptions(), FlowOptions(steps=3, guided_start=False, chunk_causal=True)]
)
def test_mels_are_those_of_a_device_that_does_not_record(
    monkeypatch: pytest.MonkeyPatch, options: FlowOptions
) -> None:
    golden = tensors("flow")
    rows = []
    for name in ("short", "long"):
        ids, count = golden[f"{name}.tokens"], int(golden[f"{name}.prompt_tokens"])
        prompt = PromptFeatures(
            ids[:count], golden[f"{name}.prompt_mel"], golden[f"{name}.speaker_embedding"]
        )
        rows.append((ids[count:], prompt, golden[f"{name}.noise"].T))
    tokens, prompts, noise = map(list, zip(*rows, strict=True))
    expected = models().flow.decode_padded(tokens, prompts, noise, options)
    recorder, flow = Replays(), copy.copy(models().flow)
    monkeypatch.setattr(flow, "_recorded", {})
    monkeypatch.setattr(decode, "has_graphs", lambda device: True)
    monkeypatch.setattr(decode, "Recorder", lambda device: recorder)
    for got, mel in zip(flow.decode_padded(tokens, prompts, noise, options), expected, strict=True):
        assert relative_rms(got, mel) < 1e-5
    assert recorder.recorded == (1 if options.guided_start else 2)
    flow.compiled = False
    again = flow.decode_padded(tokens, prompts, noise, options)
    assert all(torch.equal(got, mel) for got, mel in zip(again, expected, strict=True))
