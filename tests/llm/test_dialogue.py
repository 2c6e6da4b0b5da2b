import pytest
import torch
from support.golden_data import models, silent_generator, trace, trace_prompts

from podtts.engine.prefill import prefill_prompts
from podtts.llm.decoder import generate
from podtts.llm.dialogue import generated_ids
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.text.normalize import normalize_text

GREEDY = SynthesisOptions(sampling=SamplingOptions(max_tokens=24, greedy=True))


@pytest.mark.parametrize("name", ["plain", "dialect"])
def test_every_call_of_the_long_form_trace(name: str) -> None:
    """22 turns with window rebuilds: context and generated ids equal the published ones."""
    loaded = models()
    cache = loaded.llm.new_cache()
    dialogue = prefill_prompts(loaded, None, trace_prompts(name), GREEDY, cache)
    golden = trace(name)
    for turn, call in zip(golden["turns"], golden["llm_calls"][-22:], strict=True):
        text = loaded.template.turn(turn["speaker"], normalize_text(turn["text"]))
        tokens = dialogue.generate_turn(text, GREEDY.sampling, silent_generator())
        assert dialogue.window.ids[: len(call["input_ids"])] == call["input_ids"]
        assert generated_ids(loaded.llm, tokens) == call["generated_ids"]
        assert tokens.ended == (call["generated_ids"][-1] == loaded.llm.config.end_token)


def test_token_limit_keeps_the_last_token_and_is_reported() -> None:
    llm = models().llm
    tokens = generate(
        llm, [449, 450, 456], llm.new_cache(), SamplingOptions(max_tokens=5), silent_generator()
    )
    assert len(tokens.ids) == 5
    assert not tokens.ended


def test_end_token_cannot_come_before_the_minimum() -> None:
    llm = models().llm
    options = SamplingOptions(min_tokens=30, max_tokens=60)
    for seed in range(5):
        rng = torch.Generator().manual_seed(seed)
        tokens = generate(llm, [449, 450, 456], llm.new_cache(), options, rng)
        assert len(tokens.ids) >= 30


def test_the_same_seed_draws_the_same_tokens() -> None:
    llm = models().llm

    def tokens(seed: int) -> tuple[int, ...]:
        rng = torch.Generator().manual_seed(seed)
        options = SamplingOptions(max_tokens=40, min_tokens=40)
        return generate(llm, [449, 450, 456], llm.new_cache(), options, rng).ids

    assert tokens(7) == tokens(7) != tokens(8)
