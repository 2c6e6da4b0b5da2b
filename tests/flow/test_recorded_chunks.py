"""Recorded chunks, with the CPU in place of a device that records."""

import copy
import logging
from dataclasses import replace

import pytest
import torch
from support.golden_data import models, relative_rms
from support.replays import Replays
from support.streamed_mels import OPTIONS, chunked, golden_prompt, read, turn_of
from torch import Tensor

from podtts.flow import decode
from podtts.flow.recorded_chunks import MOST_FRAMES, POSITIONS, KeptByRecordings, RecordedChunks
from podtts.nn.carried import Carried, state_bytes

CHANNELS = models().flow.config.estimator.input_channels
PARTS = (90, 38, 50, 50, 21)  # a prompt and chunks; the last one is padded


def part(frames: int, rows: int, seed: int) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(rows, CHANNELS, frames, generator=rng)


@torch.inference_mode()
def recorded_velocities(
    chunks: RecordedChunks, sizes: tuple[int, ...], rows: int, state: KeptByRecordings, seed: int
) -> list[Tensor]:
    velocities = []
    for number, frames in enumerate(sizes):
        x, last = part(frames, rows, seed + number), number == len(sizes) - 1
        velocity, state = chunks.extend(x, torch.full((rows,), 0.3), state, last=last)
        velocities.append(velocity)
    return velocities


@torch.inference_mode()
def exact_velocities(sizes: tuple[int, ...], rows: int, seed: int) -> list[Tensor]:
    velocities, carried = [], Carried()
    for number, frames in enumerate(sizes):
        x = part(frames, rows, seed + number)
        velocities.append(models().flow.estimator.extend(x, torch.full((rows,), 0.3), carried))
        carried = Carried(carried.after)
    return velocities


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("sizes", [PARTS, (POSITIONS - 30, *PARTS[1:]), (20,), (38, 50)])
def test_recorded_chunks_are_those_of_the_estimator(sizes: tuple[int, ...], rows: int) -> None:
    chunks = RecordedChunks(models().flow.estimator, Replays())
    got = recorded_velocities(chunks, sizes, rows, KeptByRecordings(), seed=0)
    for velocity, expected in zip(got, exact_velocities(sizes, rows, seed=0), strict=True):
        assert relative_rms(velocity, expected) < 1e-5


def test_turns_that_begin_at_the_same_state_do_not_disturb_each_other() -> None:
    chunks = RecordedChunks(models().flow.estimator, Replays())
    with torch.inference_mode():
        _, prompt = chunks.extend(
            part(90, 1, 0), torch.tensor([0.3]), KeptByRecordings(), last=False
        )
    before = [tensor.clone() for tensor in (*prompt.contexts, *prompt.parts)]
    first = recorded_velocities(chunks, PARTS[1:], 1, prompt, seed=1)
    recorded_velocities(chunks, (38, 50, 50, 64), 1, prompt, seed=70)
    again = recorded_velocities(chunks, PARTS[1:], 1, prompt, seed=1)
    assert all(map(torch.equal, first, again))
    assert all(map(torch.equal, before, (*prompt.contexts, *prompt.parts)))
    assert prompt.positions == 90
    assert prompt.memory_bytes == sum(tensor.nbytes for tensor in before)


def test_parts_behind_others_of_any_length_share_a_recording() -> None:
    recorder = Replays()
    chunks = RecordedChunks(models().flow.estimator, recorder)
    for prompt in (90, 100, 117):
        recorded_velocities(chunks, (prompt, 38, 50, 50, 50, 21), 1, KeptByRecordings(), seed=2)
    assert recorder.recorded == 3  # chunks of 38, 50 and, padded, 32 frames
    recorded_velocities(chunks, (90, 38, 50, MOST_FRAMES + 1), 1, KeptByRecordings(), seed=2)
    assert recorder.recorded == 3  # no prompts, and nothing that is as long


def test_a_refusal_gives_the_same_velocities(caplog: pytest.LogCaptureFixture) -> None:
    estimator = models().flow.estimator
    refused, recorded = (RecordedChunks(estimator, Replays(why)) for why in ("no room", ""))
    with caplog.at_level(logging.WARNING):
        got = recorded_velocities(refused, PARTS, 1, KeptByRecordings(), seed=0)
    expected = recorded_velocities(recorded, PARTS, 1, KeptByRecordings(), seed=0)
    assert all(map(torch.equal, got, expected))
    assert [record.message for record in caplog.records] == [
        "the flow's chunks are not recorded, so slower: no room"
    ]


@pytest.mark.parametrize("guided_start", [True, False])
def test_a_streamed_turn_is_the_same_where_a_device_records(
    monkeypatch: pytest.MonkeyPatch, guided_start: bool
) -> None:
    prompt, turn = golden_prompt("long"), turn_of(70)
    options = replace(OPTIONS, guided_start=guided_start)
    expected, _ = chunked(prompt, read(prompt, options), turn, options)
    recorder = Replays()
    monkeypatch.setattr(decode, "has_graphs", lambda device: True)
    monkeypatch.setattr(decode, "Recorder", lambda device: recorder)
    flow = copy.deepcopy(models().flow)
    got, state = chunked(prompt, read(prompt, options, flow), turn, options, flow)
    assert recorder.recorded == (3 if guided_start else 6)
    for mel, wanted in zip(got, expected, strict=True):
        assert relative_rms(mel, wanted) < 1e-4
    assert state.memory_bytes == state_bytes(state.encoder or ())  # no evaluation follows
