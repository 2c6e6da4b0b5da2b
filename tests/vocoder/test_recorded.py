"""Recorded waves, with the CPU in place of a device that records."""

import copy
import logging

import pytest
import torch
from support.golden_data import models, relative_rms, tensors
from support.replays import Replays
from torch import Tensor

from podtts.rates import MEL_HOP
from podtts.vocoder import hift, streaming
from podtts.vocoder.hift import Vocoder
from podtts.vocoder.recorded_generator import (
    FIRST_SIZE,
    MOST_FRAMES,
)
from podtts.vocoder.streaming import VocoderState, extend


def recording(monkeypatch: pytest.MonkeyPatch, refused: str = "") -> tuple[Vocoder, Replays]:
    """A vocoder of its own on a device that records, and what it records."""
    recorder = Replays(refused)
    for module in (hift, streaming):
        monkeypatch.setattr(module, "has_graphs", lambda device: True)
        monkeypatch.setattr(module, "Recorder", lambda device: recorder)
    return copy.deepcopy(models().vocoder), recorder


def mel_of(frames: int) -> Tensor:
    mel = tensors("hift")["mel"].T
    return mel.repeat(-(-frames // len(mel)), 1)[:frames]


def numbers(frames: int) -> Tensor:
    return torch.randn(9, frames * MEL_HOP, generator=torch.Generator().manual_seed(frames))


def rendered(vocoder: Vocoder, *frames: int) -> list[Tensor]:
    mels = [mel_of(count) for count in frames]
    return vocoder.wave(mels, vocoder.source(vocoder.f0(mels), [numbers(c) for c in frames]))


def streamed(vocoder: Vocoder, sizes: tuple[int, ...]) -> Tensor:
    """A wave whose mel comes in parts of these sizes."""
    mel, noise, state, start = mel_of(sum(sizes)), numbers(sum(sizes)), VocoderState(), 0
    waves = []
    for number, size in enumerate(sizes):
        part = noise[:, start * MEL_HOP : (start + size) * MEL_HOP]
        last = number == len(sizes) - 1
        wave, state = extend(vocoder, state, mel[start : start + size], part, "float32", last=last)
        waves.append(wave)
        start += size
    return torch.cat(waves)


def test_recorded_waves_are_those_of_a_device_that_does_not_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batches = ((20,), (64,), (41,), (30, 7, 30))
    expected = [rendered(models().vocoder, *frames) for frames in batches]
    vocoder, recorder = recording(monkeypatch)
    for frames, waves in zip(batches, expected, strict=True):
        for got, wave in zip(rendered(vocoder, *frames), waves, strict=True):
            assert got.shape == wave.shape
            assert relative_rms(got, wave) < 1e-5
    assert recorder.recorded == 2  # for one row and for three


def test_too_many_frames_are_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    vocoder, recorder = recording(monkeypatch)
    rows = MOST_FRAMES // FIRST_SIZE + 1
    with torch.inference_mode():
        vocoder.generate = lambda x, spectra, lengths, precision: spectra  # type: ignore[method-assign]
        recorded = vocoder._recorded_in("float32")
        assert recorded is not None
        spectra = torch.zeros(rows, 121, 18)
        assert recorded.generate(torch.zeros(rows, 1, 80), spectra, [1] * rows) is spectra
    assert recorder.recorded == 0


def test_parts_of_the_same_shapes_share_a_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = ((32, 50, 50, 50, 50, 13), (32, 50, 50, 50, 7), (5,))
    expected = [streamed(models().vocoder, each) for each in sizes]
    vocoder, recorder = recording(monkeypatch)
    for each, wave in zip(sizes, expected, strict=True):
        assert torch.equal(streamed(vocoder, each), wave)
    assert recorder.recorded == 2  # the first part, and all that follow


def test_what_a_recording_kept_belongs_to_its_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    vocoder, _ = recording(monkeypatch)
    mel, noise = mel_of(32), numbers(32)
    _, state = extend(vocoder, VocoderState(), mel, noise, "float32", last=False)
    first, _ = extend(vocoder, state, mel, noise, "float32", last=True)
    extend(vocoder, VocoderState(), mel + 1, noise, "float32", last=False)
    again, _ = extend(vocoder, state, mel, noise, "float32", last=True)
    assert torch.equal(first, again)


def test_a_refusal_is_told_and_the_waves_are_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        vocoder, _ = recording(monkeypatch, "no room")
        refused = rendered(vocoder, 20)[0], streamed(vocoder, (32, 50, 9))
    vocoder, _ = recording(monkeypatch)
    assert all(
        map(torch.equal, refused, (rendered(vocoder, 20)[0], streamed(vocoder, (32, 50, 9))))
    )
    assert [record.message for record in caplog.records] == [
        "the vocoder's waves are not recorded, so slower: no room",
        "the vocoder's parts are not recorded, so slower: no room",
    ]
