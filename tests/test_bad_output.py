"""Turns that come out wrong: tried again, then marked, and the episode goes on."""

import copy
import dataclasses
from collections.abc import Callable

import pytest
import torch
from support.golden_data import models, trace_prompts

from podtts.engine.rng import stage_rng
from podtts.options import FlowOptions, Precision, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.script.parse import parse_script
from podtts.values import TurnAudio
from podtts.weights.load import Models

SCRIPT = parse_script("[A] Hello there.\n[B] Hi.\n[A] How are you?\n")
QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=12), flow=FlowOptions(steps=2))


def spoil(part: str, change: Callable[[torch.nn.Module], object], **settings: bool) -> Models:
    """The small checkpoint with one of its models changed."""
    broken = copy.deepcopy(getattr(models(), part))
    change(broken)
    return dataclasses.replace(models(), **{part: broken}, **settings)  # type: ignore[arg-type]


def speak(loaded: Models, options: SynthesisOptions = QUICK) -> list[TurnAudio]:
    return list(Synthesizer(loaded).synthesize(SCRIPT, trace_prompts("plain"), options))


def nan_in(name: str) -> Callable[[torch.nn.Module], object]:
    return lambda module: module.get_parameter(name).data.fill_(float("nan"))


@pytest.mark.parametrize(
    ("part", "parameter", "problem"),
    [
        ("llm", "norm.weight", "the LLM's logits at step 1: NaN or infinite"),
        ("flow", "estimator.out.bias", "the flow's mel: NaN or infinite"),
        ("vocoder", "conv_out.bias", "the vocoder's wave: NaN or infinite"),
    ],
)
def test_nan_is_found_where_it_arises_and_the_episode_goes_on(
    part: str, parameter: str, problem: str
) -> None:
    turns = speak(spoil(part, nan_in(parameter)))
    assert [turn.index for turn in turns] == [0, 1, 2]
    for turn in turns:
        assert turn.problems == (problem,)
        assert turn.attempt == QUICK.retries
        assert len(turn.wave) == 0


# A number that float32 holds and bfloat16 rounds to infinity; behind it stands a weight of 0.
NEAR_THE_END = 3.4e38


def near_the_end_in_the_flow(flow: torch.nn.Module) -> None:
    layer = "encoder.layers.0.feed_forward"
    flow.get_parameter(f"{layer}.expand.bias").data[0] = NEAR_THE_END
    flow.get_parameter(f"{layer}.contract.weight").data[:, 0] = 0


def near_the_end_in_the_vocoder(vocoder: torch.nn.Module) -> None:
    step = "levels.0.blocks.0.steps.0"
    vocoder.get_parameter(f"{step}.conv1.bias").data[0] = NEAR_THE_END
    vocoder.get_parameter(f"{step}.snake2.alpha").data[0] = 1
    vocoder.get_parameter(f"{step}.conv2.weight").data[:, 0] = 0


NARROW = dataclasses.replace(QUICK, flow=FlowOptions(steps=2, precision="bfloat16"))


@pytest.mark.usefixtures("native_bfloat16")
def test_a_flow_not_finite_in_bfloat16_is_solved_in_float32_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = spoil("flow", near_the_end_in_the_flow)
    narrowed = speak(loaded, NARROW)
    # The flow in float32 from the start, the vocoder in the bfloat16 that it keeps.
    assert_widened("flow", narrowed, speak(with_vocoder_in("bfloat16", loaded, monkeypatch)))


@pytest.mark.usefixtures("native_bfloat16")
def test_a_vocoder_not_finite_in_bfloat16_runs_in_float32_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = spoil("vocoder", near_the_end_in_the_vocoder)
    narrowed = speak(loaded, NARROW)
    exactly = with_vocoder_in("float32", loaded, monkeypatch)
    assert_widened("vocoder", narrowed, speak(exactly, NARROW))


def with_vocoder_in(kept: Precision, loaded: Models, monkeypatch: pytest.MonkeyPatch) -> Models:
    """The models with a vocoder that runs in one precision, whatever is asked of it."""
    fixed = dataclasses.replace(loaded, vocoder=copy.deepcopy(loaded.vocoder))
    monkeypatch.setattr(
        fixed.vocoder,
        "render",
        lambda mels, noise, precision: loaded.vocoder.render(mels, noise, kept),
    )
    return fixed


def assert_widened(part: str, narrowed: list[TurnAudio], exactly: list[TurnAudio]) -> None:
    for ours, exact in zip(narrowed, exactly, strict=True):
        assert torch.equal(ours.wave, exact.wave)
        assert not ours.problems
        assert ours.attempt == 0
        assert ours.notes == (f"the {part} is not finite in bfloat16; it ran in float32",)
        assert not exact.notes


def test_a_trained_voice_is_judged_by_length_and_an_untrained_one_is_not() -> None:
    trained = dataclasses.replace(models(), untrained=False)
    limited = [turn for turn in speak(trained) if not turn.tokens.ended]
    assert limited, "the case needs a turn that meets its limit"
    assert all("limit of 12 tokens" in turn.problems[0] for turn in limited)
    assert all(turn.attempt == QUICK.retries for turn in limited)
    assert all(not turn.problems for turn in speak(models()))


def test_prescribed_lengths_are_no_failure() -> None:
    trained = dataclasses.replace(models(), untrained=False)
    turns = speak(trained, dataclasses.replace(QUICK, check_length=False))
    assert all(not turn.problems and turn.attempt == 0 for turn in turns)


def test_silence_of_a_trained_voice_is_a_problem() -> None:
    def mute(module: torch.nn.Module) -> None:
        module.get_parameter("conv_out.weight").data.zero_()
        module.get_parameter("conv_out.bias").data.fill_(-50.0)

    turns = speak(
        spoil("vocoder", mute, untrained=False), dataclasses.replace(QUICK, check_length=False)
    )
    assert all(turn.problems == ("it is silent",) for turn in turns)


def test_a_retry_that_succeeds_is_what_a_retake_of_that_variation_gives() -> None:
    """The first draws of turn 2 are spoiled once; what comes then equals attempt 1 alone."""
    loaded = dataclasses.replace(models(), untrained=False)
    options = dataclasses.replace(QUICK, check_length=False)

    def without_wave(
        mels: list[torch.Tensor], noise: list[torch.Tensor], precision: Precision
    ) -> list[torch.Tensor]:
        waves = loaded.vocoder.render(mels, noise, precision)
        spoilt = stage_rng(options.seed, 1, "vocoder")
        return [
            wave * float("nan")
            if torch.equal(drawn, torch.randn(drawn.shape, generator=spoilt))
            else wave
            for wave, drawn in zip(waves, noise, strict=True)
        ]

    fails_once = copy.copy(loaded.vocoder)
    fails_once.render = without_wave  # type: ignore[method-assign,assignment]
    retried = speak(dataclasses.replace(loaded, vocoder=fails_once), options)
    assert [turn.attempt for turn in retried] == [0, 1, 0]
    assert all(not turn.problems for turn in retried)
    asked = list(
        Synthesizer(loaded).synthesize(SCRIPT, trace_prompts("plain"), options, attempts={1: 1})
    )
    for one, other in zip(retried, asked, strict=True):
        assert one.tokens == other.tokens
        assert torch.equal(one.wave, other.wave)
