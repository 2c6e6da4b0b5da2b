import dataclasses
from functools import cache

import pytest
import torch
from support.golden_data import models, relative_rms, tensors, trace, trace_prompts

from podtts.engine.render import Rendered, RenderJob, mels_of, render
from podtts.errors import InputError, ModelError, ScriptError
from podtts.flow.decode import noise_frames
from podtts.llm.template import Template
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.script.model import Script
from podtts.script.parse import parse_script
from podtts.values import SpeakerPrompt, SpeechTokens, Turn, TurnAudio

QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=12), flow=FlowOptions(steps=2))
SCRIPT = parse_script("[A] Hello there.\n[B] Hi <|laughter|>\n[A] How are you?\n[B] Fine.\n")


@cache
def fourteen_turns(name: str) -> tuple[Script, list[TurnAudio]]:
    """A dialogue long enough for a rebuild of the context window, in one run."""
    script = parse_script("\n".join(f"[S{number % 2}] line {number}" for number in range(14)))
    return script, list(Synthesizer(models()).synthesize(script, trace_prompts(name), QUICK))


def speak(script: Script = SCRIPT, options: SynthesisOptions = QUICK) -> list[TurnAudio]:
    return list(Synthesizer(models()).synthesize(script, trace_prompts("plain"), options))


@pytest.mark.parametrize("name", ["plain", "dialect"])
def test_long_form_waves_are_the_published_ones(name: str) -> None:
    """All stages from ids to wave, noise zero; the published code drops a turn's last id."""
    loaded, golden = models(), trace(name)
    prompts = trace_prompts(name)
    waves = tensors(f"longform_{name}_waves")
    offset = loaded.llm.config.speech_token_offset
    calls = golden["llm_calls"][-22:]
    for number, (turn, call) in enumerate(zip(golden["turns"], calls, strict=True)):
        ids = torch.tensor(call["generated_ids"][:-1]) - offset
        prompt = prompts[turn["speaker"]].features
        silence = torch.zeros(noise_frames(prompt, len(ids)), 80)
        mel = loaded.flow.decode([ids], [prompt], [silence], FlowOptions())[0]
        wave = loaded.vocoder.render([mel], [torch.zeros(9, 480 * len(mel))])[0]
        assert relative_rms(wave, waves[f"wave.{number:02}"].flatten()) < 1e-3


def test_turns_come_in_order_and_as_long_as_their_tokens() -> None:
    turns = speak()
    assert [turn.index for turn in turns] == [0, 1, 2, 3]
    for turn in turns:
        assert len(turn.wave) == 960 * len(turn.tokens.ids)
        assert turn.wave.dtype == torch.float32
        assert turn.work.total > 0


def test_a_turn_is_there_before_the_next_is_begun() -> None:
    stream = Synthesizer(models()).synthesize(SCRIPT, trace_prompts("plain"), QUICK)
    first = next(stream)
    assert first.index == 0
    stream.close()  # type: ignore[attr-defined]


def test_the_same_seed_gives_the_same_samples_and_another_does_not() -> None:
    one, two = speak(), speak()
    other = speak(options=dataclasses.replace(QUICK, seed=7))
    for first, second, third in zip(one, two, other, strict=True):
        assert torch.equal(first.wave, second.wave)
        assert first.tokens == second.tokens
        assert first.tokens != third.tokens


def test_a_turns_noise_does_not_depend_on_the_turns_before() -> None:
    third = speak()[2]
    turn = RenderJob(third.tokens, trace_prompts("plain")[0], QUICK.flow, QUICK.seed, "2")
    (alone,) = render(models(), [turn])
    assert isinstance(alone, Rendered)
    assert torch.equal(alone.wave, third.wave)


def test_limit_turns_speaks_the_beginning() -> None:
    whole = speak()
    beginning = speak(options=dataclasses.replace(QUICK, limit_turns=2))
    assert [turn.tokens for turn in beginning] == [turn.tokens for turn in whole[:2]]


@pytest.mark.parametrize("speakers", [1, 3, 4])
def test_other_casts_speak_too(speakers: int) -> None:
    lines = [f"[S{number % speakers}] line {number}" for number in range(12)]
    two = trace_prompts("plain")
    prompts = [two[number % 2] for number in range(speakers)]
    turns = Synthesizer(models()).synthesize(parse_script("\n".join(lines)), prompts, QUICK)
    assert sum(1 for _ in turns) == 12


def test_wrong_number_of_prompts_is_refused() -> None:
    with pytest.raises(InputError, match="2 speakers, but 1 prompts"):
        Synthesizer(models()).synthesize(SCRIPT, trace_prompts("plain")[:1], QUICK)


def test_prompts_of_another_checkpoint_are_refused() -> None:
    prompts = trace_prompts("plain")
    features = prompts[0].features
    broken = dataclasses.replace(
        prompts[0],
        features=dataclasses.replace(features, speech_tokens=features.speech_tokens + 6000),
    )
    with pytest.raises(ModelError, match="beyond this checkpoint's 6561"):
        Synthesizer(models()).synthesize(SCRIPT, [broken, prompts[1]], QUICK)
    broken = dataclasses.replace(
        prompts[0],
        features=dataclasses.replace(features, speaker_embedding=torch.zeros(512)),
    )
    with pytest.raises(ModelError, match="has 512 numbers"):
        Synthesizer(models()).synthesize(SCRIPT, [broken, prompts[1]], QUICK)


def test_a_tag_the_tokenizer_lacks_is_refused_with_its_line() -> None:
    loaded = models()

    def encode(text: str) -> list[int]:
        return loaded.template.encode(text.replace("<|sigh|>", "< sigh >"))

    template = Template(encode, 473, 457)
    synthesizer = Synthesizer(dataclasses.replace(loaded, template=template))
    script = Script("talk.txt", ("A", "B"), (Turn(0, "a", 1), Turn(1, "b <|sigh|>", 5)))
    with pytest.raises(ScriptError, match=r"talk\.txt:5: .* does not know <\|sigh\|>"):
        synthesizer.synthesize(script, trace_prompts("plain"), QUICK)


@pytest.mark.parametrize("name", ["plain", "dialect"])
@pytest.mark.parametrize("done", [1, 9, 12])
def test_recalled_turns_lead_to_the_same_bits(name: str, done: int) -> None:
    """A run that goes on behind turn `done` speaks what an uninterrupted one does, rebuilds too."""
    script, whole = fourteen_turns(name)
    spoken = {turn.index: turn.tokens for turn in whole[:done]}
    rest = list(
        Synthesizer(models()).synthesize(script, trace_prompts(name), QUICK, finished=spoken)
    )
    assert [turn.index for turn in rest] == list(range(done, 14))
    for one, other in zip(whole[done:], rest, strict=True):
        assert one.tokens == other.tokens
        assert torch.equal(one.wave, other.wave)


def test_another_variation_is_drawn_differently_and_repeatably() -> None:
    synthesizer = Synthesizer(models())
    first = speak()
    again = list(synthesizer.synthesize(SCRIPT, trace_prompts("plain"), QUICK, attempts={1: 1}))
    assert again[0].tokens == first[0].tokens
    assert again[1].tokens != first[1].tokens
    assert again[1].attempt == 1
    kept = {turn.index: turn.tokens for turn in first if turn.index != 1}
    alone = list(
        synthesizer.synthesize(
            SCRIPT, trace_prompts("plain"), QUICK, finished=kept, attempts={1: 1}
        )
    )
    assert [turn.index for turn in alone] == [1]
    assert torch.equal(alone[0].wave, again[1].wave)


def test_the_flow_starts_from_noise_as_deep_as_the_checkpoint_says() -> None:
    tokens, prompt = SpeechTokens((5, 6, 7, 8), ended=True), trace_prompts("plain")[0]

    def mels(depth: float) -> list[torch.Tensor]:
        loud = dataclasses.replace(models(), flow_noise=depth)
        turns = [RenderJob(tokens, prompt, QUICK.flow, QUICK.seed, draws) for draws in (1, 2)]
        return mels_of(loud, turns)

    first, second = mels(1.0)
    assert not torch.equal(first, second)
    turn = RenderJob(tokens, prompt, QUICK.flow, QUICK.seed, 1)
    assert torch.equal(first, mels_of(models(), [turn])[0])
    first, second = mels(0.0)
    assert torch.equal(first, second)


def test_the_flow_may_hear_the_end_of_a_prompt_alone() -> None:
    tokens, prompt = SpeechTokens((5, 6, 7, 8), ended=True), trace_prompts("plain")[0]
    features = prompt.features
    end = dataclasses.replace(
        features, speech_tokens=features.speech_tokens[-50:], mel=features.mel[-100:]
    )

    def mel(prompt: SpeakerPrompt, seconds: float | None) -> torch.Tensor:
        flow = dataclasses.replace(QUICK.flow, prompt_seconds=seconds)
        return mels_of(models(), [RenderJob(tokens, prompt, flow, QUICK.seed, 1)])[0]

    cut = mel(prompt, 2.0)
    assert torch.equal(cut, mel(dataclasses.replace(prompt, features=end), None))
    assert not torch.equal(cut, mel(prompt, None))
    assert torch.equal(mel(prompt, 1000.0), mel(prompt, None))
