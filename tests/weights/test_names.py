"""Names and shapes of the published checkpoint, which is too large for a test."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from support.golden_data import GOLDEN

from podtts.llm.qwen3 import Qwen3
from podtts.vocoder.hift import Vocoder
from podtts.weights.checkpoint import StoredTensor, Tensors
from podtts.weights.fold import hift_tensors
from podtts.weights.load import load_tensors, with_legal_head
from podtts.weights.names import flow_name, hift_name, llm_name
from podtts.weights.published_sizes import PUBLISHED_FLOW, PUBLISHED_HIFT, PUBLISHED_LLM
from podtts.weights.settings import CheckpointSettings
from podtts.weights.sizes import flow_config, hift_config, llm_config

FILE = Path("published")


def published(name: str) -> Tensors:
    shapes = json.loads((GOLDEN / "published_tensors.json").read_text())[name]
    return {
        tensor: StoredTensor(FILE, tuple(shape), partial(torch.empty, shape))
        for tensor, shape in shapes.items()
    }


def test_every_published_tensor_of_the_flow_has_one_parameter_of_its_size() -> None:
    from podtts.flow.decode import Flow

    tensors = published("flow.pt")
    config = flow_config(tensors, FILE, CheckpointSettings())
    assert config == PUBLISHED_FLOW
    with torch.device("meta"):
        flow = Flow(config)
        names = {name: flow_name(name) for name in flow.state_dict()}
        assert sorted(names.values()) == sorted(tensors)
        load_tensors(flow, flow_name, tensors, FILE, torch.float32)
    assert sum(parameter.numel() for parameter in flow.parameters()) == pytest.approx(
        112.5e6, rel=1e-3
    )


def test_every_published_tensor_of_the_vocoder_has_one_parameter_of_its_size() -> None:
    tensors = published("hift.pt")
    folded = hift_tensors(tensors)
    config = hift_config(folded, FILE, CheckpointSettings())
    assert config == PUBLISHED_HIFT
    with torch.device("meta"):
        vocoder = Vocoder(config)
        names = [hift_name(name, 3) for name in vocoder.state_dict()]
        assert sorted(names) == sorted(folded)
        load_tensors(vocoder, lambda name: hift_name(name, 3), folded, FILE, torch.float32)
    pairs = sum(name.endswith("original0") for name in tensors)
    assert len(folded) == len(tensors) - pairs
    assert sum(tensor.numel() for tensor in vocoder.parameters()) == pytest.approx(20.8e6, rel=5e-3)


def test_every_published_tensor_of_the_llm_has_one_parameter_of_its_size() -> None:
    tensors = published("model.safetensors")
    settings = {"rope_theta": 1e6, "eos_token_id": 151675, "speech_token_offset": 152927}
    config = llm_config(tensors, FILE, settings, settings, 6561)
    assert config == PUBLISHED_LLM
    with torch.device("meta"):
        llm = Qwen3(config)
        tensors_with_head = with_legal_head(tensors, FILE, llm)
        names = [llm_name(name) for name in llm.state_dict()]
        assert sorted(names) == sorted([*tensors, "model.head.weight"])
        load_tensors(
            llm,
            llm_name,
            {**tensors_with_head, **_meta_head(tensors_with_head)},
            FILE,
            torch.bfloat16,
        )
    assert sum(tensor.numel() for tensor in llm.parameters()) == pytest.approx(1.75e9, rel=1e-2)
    assert llm.get_parameter("layers.27.mlp.down_proj.weight").shape == (2048, 6144)


def _meta_head(tensors: Tensors) -> Tensors:
    """Replace the head: indices on the CPU cannot select rows of a meta tensor."""
    head = tensors["model.head.weight"]
    return {"model.head.weight": StoredTensor(FILE, head.shape, lambda: torch.empty(head.shape))}
