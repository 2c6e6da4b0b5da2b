"""Vocoder and pitch head go on learning from the flow's mels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from recipes.mini.corpus import make_corpus
from recipes.mini.finish import finish, finished
from recipes.mini.flow import FlowTraining
from recipes.mini.pitch_head import PitchTraining
from recipes.mini.speech import Utterance, write_speech
from recipes.mini.training import save_whole
from recipes.mini.vocoder import VocoderTraining
from torch import nn

CPU = torch.device("cpu")


def _utterance(seconds: float) -> Utterance:
    size = int(seconds * 40) * 600
    rng = np.random.default_rng(int(10 * seconds))
    wave = (3000 * rng.standard_normal(size)).astype(np.int16)
    f0 = np.full(size // 300, 120, np.float16)
    return Utterance("x", 0, wave, f0, "^a$", np.array([600, size - 1200, 600], np.int32))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "speech").mkdir()
    # The one that is too short is in no corpus, and the last one ends within a token.
    spoken = [_utterance(seconds) for seconds in (1.5, 0.5, 1.625)]
    write_speech(tmp_path / "speech" / "000000.npz", spoken)
    make_corpus(tmp_path / "speech", tmp_path / "corpus.pt", 1)
    tokens = sum(int(seconds * 25) for seconds in (1.5, 1.625))
    kept = {"codes": torch.zeros(tokens, dtype=torch.int16), "voices": torch.randn(2, 192)}
    save_whole(kept, tmp_path / "heard.pt")
    parts = {"flow": FlowTraining(), "vocoder": VocoderTraining(), "pitch": PitchTraining()}
    for name, module in parts.items():
        save_whole({"module": module.state_dict()}, tmp_path / f"{name}.pt")
    return tmp_path


def _changed(module: nn.Module, before: Path, after: Path) -> set[str]:
    old, new = (torch.load(path)["module"] for path in (before, after))
    return {name for name, _ in module.named_parameters() if not torch.equal(old[name], new[name])}


def test_both_go_on_from_what_they_have_learnt(work: Path) -> None:
    finish(work, CPU, 1, 1e-4, 1)
    learnt = _changed(PitchTraining(), work / "pitch.pt", finished(work, "pitch"))
    assert "head.linear.weight" in learnt
    learnt = _changed(VocoderTraining(), work / "vocoder.pt", finished(work, "vocoder"))
    assert "vocoder.conv_out.weight" in learnt
    assert not any("f0_predictor" in name for name in learnt)
    done = finished(work, "vocoder").read_bytes()
    finish(work, CPU, 1, 1e-4, 1)
    assert finished(work, "vocoder").read_bytes() == done


def test_mels_of_other_speech_are_refused(work: Path) -> None:
    save_whole({"mel": torch.zeros(10, 80)}, work / "flow-mels.pt")
    with pytest.raises(ValueError, match="not of this speech"):
        finish(work, CPU, 1, 1e-4, 1)
