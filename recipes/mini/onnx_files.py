"""The two prompt encoders as ONNX files, weights in half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from recipes.mini.speaker_encoder import SpeakerEncoder
from recipes.mini.speech_tokenizer import SpeechTokenizer

_SMALLEST = 64  # numbers in a tensor that is worth halving
HALVED = ".half"  # behind the name of a tensor kept in half precision


def write_speech_tokenizer(tokenizer: SpeechTokenizer, path: Path) -> None:
    """Write the tokenizer; its weights must hold half-precision values (see `round_weights`)."""
    frames = 200
    arguments = (torch.zeros(1, 128, frames), torch.tensor([frames], dtype=torch.int32))
    _write(tokenizer, arguments, ["feats", "feats_length"], ["indices"], 2, path)


def write_speaker_encoder(encoder: SpeakerEncoder, path: Path) -> None:
    """Write the speaker encoder; weights as for the tokenizer."""
    _write(encoder, (torch.zeros(1, 200, 80),), ["input"], ["output"], 1, path)


def _write(
    module: nn.Module,
    arguments: tuple[torch.Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    time_axis: int,
    path: Path,
) -> None:
    shapes = ({time_axis: torch.export.Dim("frames", min=8)}, *[None] * (len(arguments) - 1))
    program = torch.onnx.export(
        module.cpu().eval(),
        arguments,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=shapes,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    halve_weights(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def halve_weights(model: onnx.ModelProto) -> None:
    """Store float32 weights as float16 with a cast behind each; arithmetic stays float32."""
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _SMALLEST:
            continue
        name = weight.name
        halved = numpy_helper.from_array(values.astype(np.float16), f"{name}{HALVED}")
        weight.CopyFrom(halved)
        casts.append(
            helper.make_node("Cast", [f"{name}{HALVED}"], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]  # shapes of what was replaced
