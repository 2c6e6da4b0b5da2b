"""The story of a script is the same whenever it hears how a turn came out."""

import dataclasses

import pytest
import torch
from support.golden_data import MODEL, models, trace_prompts

from podtts.device.placement import place
from podtts.engine.renderer import Render, Rendered, render
from podtts.engine.sequence import Answer, Request, Write, Written, speak
from podtts.llm.generate import NotFiniteError, generate
from podtts.llm.native_layers import supports_layers
from podtts.llm.quantized import quantize_llm
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions, WindowOptions
from podtts.script.parse import parse_script
from podtts.values import TurnAudio
from podtts.weights.load import Models, load_llm

TRAINED: Models = dataclasses.replace(models(), untrained=False)  # so that sound is judged
OPTIONS = SynthesisOptions(
    sampling=SamplingOptions(max_tokens=8, min_tokens=8),
    flow=FlowOptions(steps=1),
    check_length=False,
)


def compiled() -> Models:
    """Models whose layers are compiled code, where it runs: there a story goes back further."""
    llm = load_llm(MODEL, 6561, place("cpu", "bfloat16"))
    quantize_llm(llm, "int8")
    return dataclasses.replace(TRAINED, llm=llm)


SILENT = Rendered(torch.zeros(24_000), 0.0, 0.0)


def job(turns: int) -> Request:
    script = parse_script("\n".join(f"[S{turn % 2}] line {turn}" for turn in range(turns)))
    return Request("a job", script, trace_prompts("plain"), OPTIONS)


def rendered(wish: Render, wrong: dict[str, Rendered | NotFiniteError]) -> Answer:
    """What became of a turn; a noise that is heard, as this model may well be silent."""
    if (draws := str(wish.draws)) in wrong:
        return wrong[draws]
    (done,) = render(TRAINED, [wish])
    assert isinstance(done, Rendered)
    loud = done.wave + 0.3 * torch.sin(torch.arange(len(done.wave)) / 20)
    return dataclasses.replace(done, wave=loud, flow_seconds=1.0)


def told(
    one: Request, heard: str, wrong: dict[str, Rendered | NotFiniteError], models: Models = TRAINED
) -> list[TurnAudio]:
    """Drive a story. heard: at once, early (while the next turn is written), or late (after it)."""
    cache = models.llm.new_cache()
    story = speak(models, None, one, cache)
    audio: list[TurnAudio] = []
    rendering: Render | None = None
    writing: Write | None = None
    answer: Answer = None
    while True:
        try:
            wish = story.send(answer)
        except StopIteration:
            assert rendering is None
            assert writing is None
            return audio
        answer = None
        if isinstance(wish, TurnAudio):
            audio.append(wish)
        elif isinstance(wish, Render):
            if heard == "at once":
                answer = rendered(wish, wrong)
            else:
                assert rendering is None
                rendering = wish
        else:
            if isinstance(wish, Write):
                writing = wish
            if rendering and (heard == "early" or not writing):
                answer, rendering = rendered(rendering, wrong), None
            else:
                assert writing
                dialogue = writing.dialogue
                dialogue.rewind()
                ids = dialogue.window.ids
                tokens = generate(models.llm, ids, cache, writing.sampling, writing.rng)
                answer, writing = Written(tokens, 1.0), None


FLAWS: dict[str, dict[str, Rendered | NotFiniteError]] = {
    "none": {},
    "one": {"2": SILENT},
    "twice the same turn": {"3": SILENT, "3+1": NotFiniteError("the vocoder's wave")},
    "always the same turn": {"1": SILENT, "1+1": SILENT, "1+2": SILENT},
    "two in a row": {"4": SILENT, "5": NotFiniteError("the flow's mel")},
    "the last": {"12": SILENT},
    "before and behind a rebuild": {"7": SILENT, "8": SILENT, "9": SILENT},
}


@pytest.mark.parametrize("heard", ["early", "late"])
@pytest.mark.parametrize("flaws", FLAWS)
def test_turns_are_the_same_whenever_they_are_heard(flaws: str, heard: str) -> None:
    """Over a window's rebuild, with turns that have to be written again behind others."""
    assert_told_the_same(job(13), heard, flaws, TRAINED)


@pytest.mark.skipif(
    not supports_layers(models().llm.config, 8), reason="compiled code does not run here"
)
@pytest.mark.parametrize("heard", ["early", "late"])
@pytest.mark.parametrize("flaws", FLAWS)
@pytest.mark.parametrize("max_turns", [2, 10])
def test_compiled_layers_go_back_over_a_rebuild(max_turns: int, flaws: str, heard: str) -> None:
    window = WindowOptions(max_turns=max_turns)
    one = dataclasses.replace(job(13), options=dataclasses.replace(OPTIONS, window=window))
    assert_told_the_same(one, heard, flaws, compiled())


def assert_told_the_same(one: Request, heard: str, flaws: str, models: Models) -> None:
    expected = told(one, "at once", FLAWS[flaws], models)
    got = told(one, heard, FLAWS[flaws], models)
    assert [one.index for one in got] == list(range(13))
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.attempt == theirs.attempt
        assert ours.problems == theirs.problems
        assert torch.equal(ours.wave, theirs.wave)
        assert ours.work.flow == theirs.work.flow
    changed = {turn.index for turn in got if turn.attempt}
    assert changed == {int(name.partition("+")[0]) for name in FLAWS[flaws]}


def test_a_turn_said_before_is_not_spoken_again_whenever_the_others_are_heard() -> None:
    first = told(job(6), "at once", {})
    spoken = {0: first[0].tokens, 3: first[3].tokens}
    for heard in ("at once", "early", "late"):
        again = told(dataclasses.replace(job(6), spoken=spoken), heard, {"2": SILENT, "4": SILENT})
        assert [turn.index for turn in again] == [1, 2, 4, 5]
        if heard == "at once":
            expected = again
        for ours, theirs in zip(again, expected, strict=True):
            assert ours.tokens == theirs.tokens
            assert ours.problems == theirs.problems


def test_what_a_turn_has_said_is_read_once() -> None:
    """The cache goes on behind it: a turn reads its own text, and ids behind its own draws."""
    one = job(3)
    cache = TRAINED.llm.new_cache()
    story = speak(TRAINED, None, one, cache)
    wish = next(story)
    lengths = []
    while True:
        assert isinstance(wish, Write)
        dialogue = wish.dialogue
        lengths.append(cache.length)
        dialogue.rewind()
        assert cache.length == max(lengths)
        assert not dialogue.is_behind
        tokens = generate(TRAINED.llm, dialogue.window.ids, cache, wish.sampling, wish.rng)
        following = story.send(Written(tokens, 0.0))
        assert isinstance(following, Render)
        following = story.send(rendered(following, {}))
        assert isinstance(following, TurnAudio)
        try:
            wish = next(story)
        except StopIteration:
            break
    assert len(lengths) == 3
    assert lengths[1] > lengths[0] + len(tokens.ids) - 1
