"""From an exported checkpoint folder back to training checkpoints, to train its parts on.

Only what is exported comes back: what merely helps training (digits' rows, the classifier of
voices, discriminators) starts anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import Tensor, nn

from podtts.weights.files import SPEAKER_ENCODER_FILE, SPEECH_TOKENIZER_FILE
from podtts.weights.names import flow_name, hift_name, llm_name
from recipes.mini.flow import FlowTraining
from recipes.mini.layout import HAN
from recipes.mini.llm import LlmTraining
from recipes.mini.onnx_files import HALVED
from recipes.mini.pitch_head import PitchTraining
from recipes.mini.sizes import MINI_HIFT
from recipes.mini.speaker_encoder import SpeakerTraining
from recipes.mini.speech_tokenizer import TokenizerTraining
from recipes.mini.training import WARM_UP_STEPS, save_whole
from recipes.mini.vocoder import VocoderTraining


def restore(source: Path, work: Path, voices: int, seconds: Mapping[str, float]) -> None:
    """Write `work`/PART.pt of all parts; they count as trained for `seconds`.

    Without model.safetensors, the language model is not among them.
    """
    blocks = len(MINI_HIFT.block_kernels)
    flow, vocoder = FlowTraining(), VocoderTraining()
    _read(flow.flow, source / "flow.safetensors", flow_name)
    _read(vocoder.vocoder, source / "hift.safetensors", lambda name: hift_name(name, blocks))
    head = PitchTraining()
    head.head = vocoder.vocoder.f0_predictor
    head.restored()
    flow.digits.rows.data.zero_()
    speaker = SpeakerTraining(voices)
    speaker.encoder.load_state_dict(onnx_weights(source / SPEAKER_ENCODER_FILE, speaker.encoder))
    heard = TokenizerTraining()
    tokenizer = heard.tokenizer
    tokenizer.load_state_dict(onnx_weights(source / SPEECH_TOKENIZER_FILE, tokenizer))
    parts: dict[str, nn.Module] = {"flow": flow, "vocoder": vocoder, "pitch": head}
    parts |= {"speaker": speaker, "tokenizer": heard}
    if (model := source / "model.safetensors").is_file():
        llm = LlmTraining(torch.arange(len(HAN))[None])  # which share no rows: these are 0 at first
        _read(llm.llm, model, llm_name, without="head.weight")
        llm.digits.rows.data.zero_()
        llm.readings.data.zero_()
        parts["llm"] = llm
    for part, module in parts.items():
        state = {
            "module": module.state_dict(),
            "optimizers": None,
            "elapsed": seconds[part],
            "steps": WARM_UP_STEPS,
            "skipped": 0,
        }
        save_whole(state, work / f"{part}.pt")


def _read(
    module: nn.Module, path: Path, published: Callable[[str], str], without: str = ""
) -> None:
    """Fill a module from a file of `save_part`."""
    tensors = load_file(path)
    ours = {
        name: tensors[published(name)].float() for name in module.state_dict() if name != without
    }
    module.load_state_dict(ours, strict=not without)


def onnx_weights(path: Path, module: nn.Module) -> dict[str, Tensor]:
    """The tensors of `module` out of an ONNX file of `onnx_files`, float32."""
    kept = {
        weight.name.removesuffix(HALVED): weight for weight in onnx.load(path).graph.initializer
    }
    return {
        name: torch.from_numpy(numpy_helper.to_array(kept[name]).copy()).float()
        for name in module.state_dict()
    }
