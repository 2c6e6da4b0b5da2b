import dataclasses
from pathlib import Path

import pytest
import torch
from support.golden_data import MODEL, models, relative_rms, tensors
from torch import Tensor
from transformers import DynamicCache

from podtts.bench.published_recipe import PublishedRecipe, RepetitionAware, published_llm
from podtts.bench.speakers import random_speakers
from podtts.bench.workload import find_workloads
from podtts.device.placement import place
from podtts.errors import ModelError
from podtts.llm.qwen3 import Qwen3
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.prompts.cache import PromptCache
from podtts.weights.load import load_llm


@pytest.fixture
def recipe(tmp_path: Path) -> PublishedRecipe:
    speakers = random_speakers(models().flow.config, PromptCache(tmp_path, pytest.fail))
    options = SynthesisOptions(flow=FlowOptions(steps=2))
    return PublishedRecipe(models(), speakers, options, prescribed=True)


def test_its_logits_equal_the_published_ones() -> None:
    golden = tensors("llm")
    theirs = published_llm(load_llm(MODEL, 6561, place("cpu", "bfloat16")))
    with torch.inference_mode():
        logits = theirs(golden["input_ids"], logits_to_keep=8).logits[0].float()
    rounding = relative_rms(golden["logits_bf16"], golden["logits_fp32"])
    assert relative_rms(logits, golden["logits_bf16"]) < 0.5 * rounding


@pytest.mark.parametrize(("dtype", "shared"), [("bfloat16", True), ("float32", False)])
def test_weights_are_shared_when_they_are_bfloat16(dtype: str, shared: bool) -> None:
    ours = load_llm(MODEL, 6561, place("cpu", dtype))
    theirs = dict(published_llm(ours).named_parameters())
    assert {parameter.dtype for parameter in theirs.values()} == {torch.bfloat16}
    for name, parameter in ours.named_parameters():
        if name != "head.weight":
            same = theirs[f"model.{name}"].data_ptr() == parameter.data_ptr()
            assert same == shared, name


def test_an_untied_head_is_refused() -> None:
    with torch.device("meta"):
        llm = Qwen3(dataclasses.replace(models().llm.config, tied_head=False))
    with pytest.raises(ModelError, match="leave out --against"):
        published_llm(llm)


def test_turns_have_the_prescribed_length_and_flow_steps_are_the_recipes(
    recipe: PublishedRecipe,
) -> None:
    (short,) = find_workloads(["short"])
    measurement = recipe.synthesize(short)
    assert measurement.tokens == 62
    assert measurement.audio_seconds == pytest.approx(62 / 25)
    assert measurement.prompt_cached_seconds is None
    assert recipe.options.flow.steps == 15


def test_the_next_turn_continues_the_cache(recipe: PublishedRecipe) -> None:
    cache, options = DynamicCache(), SamplingOptions(min_tokens=5, max_tokens=5)
    context = list(range(20))
    generated = recipe.generate(context, cache, options)
    assert len(generated) == 5
    assert cache.get_seq_length() == 24  # the next turn prefills the last id
    context += [*generated, 1, 2, 3]
    recipe.generate(context, cache, options)
    assert cache.get_seq_length() == len(context) + 4


class HeadForFewIds(torch.nn.Module):
    """The same logits for some ids, and far lower ones for all others."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__()
        self.ids = ids

    def forward(self, hidden: Tensor) -> Tensor:
        logits = hidden.new_full((*hidden.shape[:-1], models().llm.config.vocab_size), -1e4)
        logits[..., self.ids] = 0
        return logits


def test_a_turn_ends_with_the_end_token(recipe: PublishedRecipe) -> None:
    end = models().llm.config.end_token
    recipe.llm.lm_head = HeadForFewIds([5, 6, 7, end])
    generated = recipe.generate(list(range(20)), DynamicCache(), SamplingOptions(max_tokens=2000))
    assert generated.index(end) == len(generated) - 1


@pytest.mark.parametrize(("repeats", "uses_raw"), [(3, False), (4, True)])
def test_a_token_that_repeats_too_often_is_sampled_from_raw_logits(
    repeats: int, uses_raw: bool
) -> None:
    scores = torch.zeros(1, 50)
    scores[0, 7] = 20.0
    prompt = [7] * repeats + [1] * 10  # the penalty ignores the prompt, the step counts it
    processed = RepetitionAware(SamplingOptions(), len(prompt))(torch.tensor([prompt]), scores)
    assert torch.equal(processed, scores) == uses_raw
    if not uses_raw:
        assert processed[0, 7] == pytest.approx(20 / 0.6)


def test_tokens_of_this_turn_are_penalized() -> None:
    scores = torch.full((1, 50), 2.0)
    options = SamplingOptions(temperature=1.0, top_k=50, top_p=1.0)
    processed = RepetitionAware(options, 2)(torch.tensor([[3, 4, 5]]), scores)
    assert processed[0, 5] == pytest.approx(2.0 / 1.25)
    assert processed[0, 3] == 2.0
