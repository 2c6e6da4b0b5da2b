"""Training goes on from what is exported."""

from pathlib import Path

import recipes.mini
import torch
from recipes.mini.flow import FlowTraining
from recipes.mini.pitch_head import PitchTraining
from recipes.mini.restore import restore
from recipes.mini.speaker_encoder import SpeakerTraining
from recipes.mini.training import load_trained
from recipes.mini.vocoder import VocoderTraining
from safetensors.torch import load_file
from torch import nn

from podtts.vocoder.hift import Vocoder
from podtts.weights.load import load_vocoder
from podtts.weights.names import flow_name
from podtts.weights.settings import CheckpointSettings

START = Path(recipes.mini.__file__).parent / "start"
CPU = torch.device("cpu")


def test_what_is_kept_in_start_can_be_trained_on(tmp_path: Path) -> None:
    seconds = dict.fromkeys(("flow", "vocoder", "pitch", "speaker", "llm"), 60.0)
    restore(START, tmp_path, 96, seconds)
    flow, pitch = FlowTraining(), PitchTraining()
    parts: dict[str, nn.Module] = {"flow": flow, "pitch": pitch}
    parts |= {"vocoder": VocoderTraining(), "speaker": SpeakerTraining(96)}
    for name, module in parts.items():
        load_trained(module, tmp_path / f"{name}.pt", CPU)
    assert not (tmp_path / "llm.pt").exists()
    written = load_file(START / "flow.safetensors")
    for name, tensor in flow.flow.state_dict().items():
        assert torch.equal(tensor, written[flow_name(name)].float()), name
    vocoder = load_vocoder(START, CheckpointSettings(voiced_threshold_hz=30.0))
    assert isinstance(vocoder, Vocoder)
    mel = torch.randn(1, 20, 80) - 5
    assert torch.allclose(pitch.f0(mel)[0], vocoder.f0([mel[0]])[0], atol=0.5)
