"""Names of 0.1.0 that changed: they work for one release, and say what to write."""

import pytest
import torch
from support.golden_data import MODEL, models, trace_prompts

from podtts import (
    Dialogue,
    FlowOptions,
    Lexicon,
    PromptCache,
    Qwen3,
    SamplingOptions,
    SynthesisOptions,
    Synthesizer,
    VoiceStore,
    WindowOptions,
    load_models,
    parse_script,
    place,
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


METHODS = [
    (Dialogue, "read_prompts", "prefill_prompts"),
    (Dialogue, "open", "open_turn"),
    (Dialogue, "rewind", "prepare_attempt"),
    (Dialogue, "wrote", "set_decoded"),
    (Dialogue, "back_to", "roll_back"),
    (Dialogue, "close", "close_turn"),
    (Dialogue, "recall", "append_finished"),
    (Lexicon, "speller", "replacer"),
    (PromptCache, "elsewhere", "with_root"),
    (Qwen3, "step_fixed", "graph_step"),
    (VoiceStore, "sound", "readable"),
]


@pytest.mark.parametrize(("owner", "old", "new"), METHODS)
def test_a_method_works_by_its_old_name(
    owner: type, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, new, lambda self, *args, **keywords: (self, args, keywords))
    instance: object = object.__new__(owner)
    with pytest.warns(DeprecationWarning, match=rf"{owner.__name__}.{old} is now called {new};"):
        assert getattr(instance, old)(1, key=2) == (instance, (1,), {"key": 2})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("is_behind", "has_unread_turns"),
        ("returns_over_rebuilds", "rolls_back_over_rebuilds"),
    ],
)
def test_a_property_of_a_dialogue_works_by_its_old_name(old: str, new: str) -> None:
    dialogue = Dialogue(models().llm, [], WindowOptions())
    with pytest.warns(DeprecationWarning, match=f"Dialogue.{old} is now called {new}"):
        assert getattr(dialogue, old) == getattr(dialogue, new)


def test_models_are_loaded_by_old_names_of_parameters() -> None:
    with pytest.warns(DeprecationWarning, match=r"load_models\(as_stored=...\) is now called"):
        loaded = load_models(MODEL, place("cpu", "bfloat16"), as_stored=True)
    assert loaded.llm.fused_layers is None
    with pytest.warns(DeprecationWarning, match=r"load_models\(narrow=...\) is now called"):
        load_models(MODEL, place("cpu", "float32"), narrow=pytest.fail)
