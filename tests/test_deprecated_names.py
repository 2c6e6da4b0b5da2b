"""Names of 0.1.0 that changed: they work for one release, and say what to write."""

import pytest
import torch
from support.golden_data import models, trace_prompts

from podtts import (
    Dialogue,
    FlowOptions,
    SamplingOptions,
    SynthesisOptions,
    Synthesizer,
    WindowOptions,
    parse_script,
    stage_rng,
)

SCRIPT = parse_script("[A] Hello there.\n[B] Hi.\n")
QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=10), flow=FlowOptions(steps=1))


def test_synthesize_takes_finished_turns_by_their_old_name() -> None:
    synthesizer, prompts = Synthesizer(models()), trace_prompts("plain")
    first, second = synthesizer.synthesize(SCRIPT, prompts, QUICK)
    with pytest.warns(DeprecationWarning, match=r"synthesize\(spoken=...\) is now called finished"):
        turns = synthesizer.synthesize(SCRIPT, prompts, QUICK, spoken={0: first.tokens})
    (again,) = turns
    assert again.tokens == second.tokens
    assert torch.equal(again.wave, second.wave)


def test_synthesize_takes_attempts_by_their_old_name() -> None:
    synthesizer, prompts = Synthesizer(models()), trace_prompts("plain")
    expected = list(synthesizer.synthesize(SCRIPT, prompts, QUICK, attempts={1: 1}))
    with pytest.warns(DeprecationWarning, match="is now called attempts"):
        turns = list(synthesizer.synthesize(SCRIPT, prompts, QUICK, variations={1: 1}))
    assert [turn.tokens for turn in turns] == [turn.tokens for turn in expected]
    with pytest.warns(DeprecationWarning, match="TurnAudio.variation is now called attempt"):
        assert turns[1].variation == 1


def test_a_dialogue_speaks_by_its_old_name() -> None:
    loaded = models()
    text = loaded.template.turn(0, "Hello")
    options = SamplingOptions(max_tokens=10)

    def dialogue() -> Dialogue:
        return Dialogue(loaded.llm, [], WindowOptions())

    expected = dialogue().generate_turn(text, options, stage_rng(1, 0, "llm"))
    with pytest.warns(DeprecationWarning, match=r"Dialogue.speak is now called generate_turn"):
        tokens = dialogue().speak(text, options, stage_rng(1, 0, "llm"))
    assert tokens == expected
