"""Training goes on from what is exported."""

from pathlib import Path

import torch
from recipes.mini.flow import FlowTraining
from recipes.mini.layout import HAN
from recipes.mini.llm import LlmTraining
from recipes.mini.pitch_head import PitchTraining
from recipes.mini.restore import restore
from recipes.mini.speaker_encoder import SpeakerTraining
from recipes.mini.training import load_trained
from recipes.mini.vocoder import VocoderTraining
from safetensors.torch import load_file
from torch import nn

from podtts.hub.bundled import bundled_model
from podtts.vocoder.hift import Vocoder
from podtts.weights.load import load_vocoder
from podtts.weights.names import flow_name, llm_name
from podtts.weights.settings import CheckpointSettings

BUNDLED = bundled_model()
CPU = torch.device("cpu")


def test_the_bundled_weights_can_be_trained_on(tmp_path: Path) -> None:
    seconds = dict.fromkeys(("flow", "vocoder", "pitch", "speaker", "llm", "tokenizer"), 60.0)
    restore(BUNDLED, tmp_path, 96, seconds)
    flow, pitch = FlowTraining(), PitchTraining()
    parts: dict[str, nn.Module] = {"flow": flow, "pitch": pitch}
    parts |= {"vocoder": VocoderTraining(), "speaker": SpeakerTraining(96)}
    parts["llm"] = llm = LlmTraining(torch.arange(len(HAN))[None])
    for name, module in parts.items():
        load_trained(module, tmp_path / f"{name}.pt", CPU)
    rows = load_file(BUNDLED / "model.safetensors")[llm_name("embed_tokens.weight")]
    assert torch.equal(llm.rows(), rows.float())
    written = load_file(BUNDLED / "flow.safetensors")
    for name, tensor in flow.flow.state_dict().items():
        assert torch.equal(tensor, written[flow_name(name)].float()), name
    vocoder = load_vocoder(BUNDLED, CheckpointSettings(voiced_threshold_hz=30.0))
    assert isinstance(vocoder, Vocoder)
    mel = torch.randn(1, 20, 80) - 5
    assert torch.allclose(pitch.f0(mel)[0], vocoder.f0([mel[0]])[0], atol=0.5)
