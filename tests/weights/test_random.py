import dataclasses

import pytest
import torch
from support.golden_data import models, trace_prompts
from torch import nn

from podtts.device.placement import Placement
from podtts.errors import ModelError
from podtts.flow.decode import Flow
from podtts.llm.qwen3 import Qwen3
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.script.parse import parse_script
from podtts.weights.load import Models
from podtts.weights.published_sizes import PUBLISHED_LLM
from podtts.weights.random import fill_random, random_encode, random_models, random_models_of

CPU = torch.device("cpu")


def small(dtype: torch.dtype = torch.bfloat16, seed: int = 0) -> Models:
    """Random weights in the sizes of the small checkpoint."""
    sizes = models()
    configs = sizes.llm.config, sizes.flow.config, sizes.vocoder.config
    return random_models_of(*configs, Placement(CPU, dtype), seed)


@pytest.mark.parametrize("name", ["soulx-podcast-1.7b", "soulx-podcast-1.7b-dialect"])
def test_published_sizes_are_built_in_their_run_time_dtype(name: str) -> None:
    """On the meta device, which holds no numbers."""
    built = random_models(name, Placement(torch.device("meta"), torch.bfloat16))
    assert built.llm.config == PUBLISHED_LLM
    head = built.llm.head.weight.numel()
    assert round((count(built.llm) - head) / 1e6) == 1736
    assert round(count(built.flow) / 1e6, 1) == 112.5
    assert {p.dtype for p in built.llm.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in built.flow.parameters()} == {torch.float32}
    assert {p.dtype for p in built.vocoder.parameters()} == {torch.float32}


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"did you mean soulx-podcast-1\.7b"):
        random_models("soulx-podcast-1.7", Placement(CPU, torch.bfloat16))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_audio_of_random_weights_is_finite(dtype: torch.dtype) -> None:
    options = SynthesisOptions(
        sampling=SamplingOptions(min_tokens=30, max_tokens=30), flow=FlowOptions(steps=3)
    )
    script = parse_script("[A] Hello.\n[B] Hi <|laughter|>\n")
    built = small(dtype)
    assert built.untrained
    for turn in Synthesizer(built).synthesize(script, trace_prompts("plain"), options):
        assert len(turn.tokens.ids) == 30
        assert turn.wave.isfinite().all()
        assert turn.wave.std() > 0
    ids = torch.arange(500)[None]
    with torch.inference_mode():
        logits = built.llm.logits(built.llm(ids, built.llm.new_cache()))
    assert logits.isfinite().all()
    assert 0.3 < logits.std() < 3


def test_the_head_is_the_embedding_of_the_legal_ids() -> None:
    llm = small().llm
    assert torch.equal(llm.head.weight, llm.embed_tokens.weight[llm.legal_rows()])


def test_norms_scale_by_one_and_biases_are_zero() -> None:
    built = small(torch.float32)
    assert (built.llm.norm.weight == 1).all()
    for name, parameter in built.flow.named_parameters():
        if name.endswith("bias"):
            assert (parameter == 0).all(), name
    for name, parameter in built.vocoder.named_parameters():
        if name.endswith("alpha"):
            assert (parameter == 1).all(), name


def test_the_seed_decides_the_weights() -> None:
    built = small(), small(), small(seed=1)
    for part in ("llm", "flow", "vocoder"):
        first, second, third = (getattr(loaded, part).state_dict() for loaded in built)
        assert all(torch.equal(first[name], second[name]) for name in first)
        assert any(not torch.equal(first[name], third[name]) for name in first)


def test_rows_differ_in_a_matrix_with_more_numbers_than_are_drawn() -> None:
    config = dataclasses.replace(models().llm.config, vocab_size=40_000, layers=1)
    with torch.device("meta"):
        llm = Qwen3(config)
    fill_random(llm, torch.float32, CPU, torch.Generator().manual_seed(0))
    weight = llm.embed_tokens.weight
    assert weight.numel() > 2_000_000
    assert len(torch.unique(weight[:, :4], dim=0)) == len(weight)
    assert weight.std() * config.hidden_size**0.5 == pytest.approx(1, abs=0.01)
    assert not llm.training
    assert not any(parameter.requires_grad for parameter in llm.parameters())


def test_outputs_of_random_matrices_are_as_large_as_inputs() -> None:
    with torch.device("meta"):
        flow = Flow(models().flow.config)
    fill_random(flow, torch.float32, CPU, torch.Generator().manual_seed(0))
    layer = flow.encoder.up_embed.linear
    x = torch.randn(200, layer.in_features, generator=torch.Generator().manual_seed(1))
    assert layer(x).std() == pytest.approx(1, abs=0.15)


def test_text_becomes_one_id_a_tag_or_character() -> None:
    encode = random_encode(PUBLISHED_LLM)
    ids = encode("<|SPEAKER_0|><|text_start|>你好，A!<|text_end|>")
    assert len(ids) == 8
    assert len(set(ids)) == 8
    assert ids == encode("<|SPEAKER_0|>") + encode("<|text_start|>你好，A!") + encode(
        "<|text_end|>"
    )
    assert max(encode("".join(map(chr, range(0x4E00, 0x9FFF))))) < PUBLISHED_LLM.end_token
