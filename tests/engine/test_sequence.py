"""A sequence gives the same turns whenever it learns that an attempt failed a check."""

import dataclasses
import functools
from collections.abc import Mapping

import pytest
import torch
from support.golden_data import MODEL, models, trace_prompts
from torch import Tensor

from podtts.device.placement import place
from podtts.engine.prefill import prefill_prompts
from podtts.engine.render import Rendered, RenderJob, render
from podtts.engine.request import Event, Request, TurnFinished
from podtts.engine.sequence import Attempt, Sequence
from podtts.llm.decoder import Decoder, NotFiniteError
from podtts.llm.native_layers import supports_layers
from podtts.llm.quantized import quantize_llm
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions, WindowOptions
from podtts.script.parse import parse_script
from podtts.values import Heard, SpeakerPrompt, SpeechTokens, Turn, TurnAudio
from podtts.weights.load import Models, load_llm

TRAINED: Models = dataclasses.replace(models(), untrained=False)  # so that waves are checked
OPTIONS = SynthesisOptions(
    sampling=SamplingOptions(max_tokens=8, min_tokens=8),
    flow=FlowOptions(steps=1),
    check_length=False,
)
SILENT = Rendered(torch.zeros(24_000), 0.0, 0.0)


@functools.cache
def compiled() -> Models:
    """Models with compiled layers: there a sequence rolls back over rebuilds, too."""
    llm = load_llm(MODEL, 6561, place("cpu", "bfloat16"))
    quantize_llm(llm, "int8")
    return dataclasses.replace(TRAINED, llm=llm)


def request_of(turns: int) -> Request:
    script = parse_script("\n".join(f"[S{turn % 2}] line {turn}" for turn in range(turns)))
    return Request("a request", script, trace_prompts("plain"), OPTIONS)


Flaws = dict[str, Rendered | NotFiniteError]


RENDERED: dict[object, Rendered] = {}  # by all of a job: most tests render the same turns


def rendered(job: RenderJob, flaws: Flaws) -> Rendered | NotFiniteError:
    """The result for a job; noise that is not silent, because this model may well be."""
    if (draws := str(job.draws)) in flaws:
        return flaws[draws]
    key = job.tokens, job.prompt.name, job.options, job.seed, job.draws
    if key not in RENDERED:
        (result,) = render(TRAINED, [job])
        assert isinstance(result, Rendered)
        loud = result.wave + 0.3 * torch.sin(torch.arange(len(result.wave)) / 20)
        RENDERED[key] = dataclasses.replace(result, wave=loud, flow_seconds=1.0)
    return RENDERED[key]


class Driver:
    """Runs a sequence alone, and decides when it learns what was rendered.

    when: "at once", "early" (while the next turn is decoded) or "late" (after it was decoded).
    """

    def __init__(self, request: Request, when: str, flaws: Flaws, models: Models) -> None:
        cache = models.llm.new_cache()
        self.request, self.when, self.flaws = request, when, flaws
        dialogue = prefill_prompts(models, None, request.prompts, request.options, cache)
        self.sequence = Sequence(models, request, dialogue, 0.0)
        self.decoder = Decoder(models.llm, cache.batch)
        self.job: RenderJob | None = None

    def run(self) -> list[TurnAudio]:
        events: list[Event] = []
        while not self.sequence.is_finished:
            events += self.step()
        assert all(isinstance(event, TurnFinished) for event in events)
        return [event.audio for event in events if isinstance(event, TurnFinished)]

    def step(self) -> list[Event]:
        sequence = self.sequence
        if attempt := sequence.next_attempt(speculate=self.when != "at once"):
            self.start(attempt)
        events: list[Event] = []
        if self.when == "early" and self.job is not None:
            self.decode_a_token()
            events += self.deliver()
        elif sequence.decoding:
            while sequence.decoding:
                events += self.decode_a_token()
        if self.job is not None and (self.when == "late" or not sequence.decoding):
            events += self.deliver()
        self.take_job()
        if self.when == "at once" and self.job is not None:
            events += self.deliver()
        return events

    def start(self, attempt: Attempt) -> None:
        dialogue = self.sequence.dialogue
        dialogue.prepare_attempt(self.decoder)
        ids, rng = dialogue.window.ids, self.sequence.attempt_rng(attempt)
        self.decoder.start(dialogue.cache, ids, self.request.options.sampling, rng)

    def decode_a_token(self) -> list[Event]:
        events: list[Event] = []
        if self.sequence.decoding:
            for decoded in self.decoder.step().values():
                events += self.sequence.on_tokens(decoded)
        return events

    def take_job(self) -> None:
        if job := self.sequence.take_render_job():
            assert self.job is None
            assert isinstance(job, RenderJob)
            self.job = job

    def deliver(self) -> list[Event]:
        job, self.job = self.job, None
        assert job is not None
        events = self.sequence.on_audio(rendered(job, self.flaws))
        if self.sequence.decoding is None:
            self.decoder.cancel(self.sequence.dialogue.cache)
        return events


def run(request: Request, when: str, flaws: Flaws, models: Models = TRAINED) -> list[TurnAudio]:
    return Driver(request, when, flaws, models).run()


FLAWS: dict[str, Flaws] = {
    "none": {},
    "one": {"2": SILENT},
    "twice the same turn": {"3": SILENT, "3+1": NotFiniteError("the vocoder's wave")},
    "always the same turn": {"1": SILENT, "1+1": SILENT, "1+2": SILENT},
    "two in a row": {"4": SILENT, "5": NotFiniteError("the flow's mel")},
    "the last": {"12": SILENT},
    "before and after a rebuild": {"7": SILENT, "8": SILENT, "9": SILENT},
}


@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("flaws", FLAWS)
def test_turns_are_the_same_whenever_they_are_checked(flaws: str, when: str) -> None:
    """Over a rebuild of the window, with turns that are decoded again after others."""
    assert_same_turns(request_of(13), when, flaws, TRAINED)


@pytest.mark.skipif(
    not supports_layers(models().llm.config, 8), reason="compiled code does not run here"
)
@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("flaws", FLAWS)
@pytest.mark.parametrize("max_turns", [2, 10])
def test_compiled_layers_roll_back_over_a_rebuild(max_turns: int, flaws: str, when: str) -> None:
    window = WindowOptions(max_turns=max_turns)
    options = dataclasses.replace(OPTIONS, window=window)
    request = dataclasses.replace(request_of(13), options=options)
    assert_same_turns(request, when, flaws, compiled())


def assert_same_turns(request: Request, when: str, flaws: str, models: Models) -> None:
    expected = run(request, "at once", FLAWS[flaws], models)
    turns = run(request, when, FLAWS[flaws], models)
    assert [turn.index for turn in turns] == list(range(13))
    for ours, theirs in zip(turns, expected, strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.attempt == theirs.attempt
        assert ours.problems == theirs.problems
        assert torch.equal(ours.wave, theirs.wave)
        assert ours.work.flow == theirs.work.flow
    retried = {turn.index for turn in turns if turn.attempt}
    assert retried == {int(name.partition("+")[0]) for name in FLAWS[flaws]}


def test_finished_turns_are_not_synthesized_again_whenever_the_others_are_checked() -> None:
    first = run(request_of(6), "at once", {})
    finished = {0: first[0].tokens, 3: first[3].tokens}
    request = dataclasses.replace(request_of(6), finished=finished)
    flaws: Flaws = {"2": SILENT, "4": SILENT}
    expected = run(request, "at once", flaws)
    for when in ("early", "late"):
        turns = run(request, when, flaws)
        assert [turn.index for turn in turns] == [1, 2, 4, 5]
        for ours, theirs in zip(turns, expected, strict=True):
            assert ours.tokens == theirs.tokens
            assert ours.problems == theirs.problems


def test_speculation_goes_on_while_a_turn_is_rendered() -> None:
    """One turn is decoded ahead, and its tokens wait for the verdict on the turn before."""
    driver = Driver(request_of(3), "late", {}, TRAINED)
    sequence = driver.sequence
    driver.step()
    assert sequence.rendering
    attempt = sequence.next_attempt(speculate=True)
    assert attempt is not None
    driver.start(attempt)
    while sequence.decoding:
        driver.decode_a_token()
    assert sequence.rendering.index == 0
    assert sequence.decoded is attempt
    assert sequence.next_attempt(speculate=True) is None
    (event,) = driver.deliver()
    assert isinstance(event, TurnFinished)
    assert sequence.rendering is attempt


def test_nothing_is_decoded_ahead_without_speculation() -> None:
    driver = Driver(request_of(3), "late", {}, TRAINED)
    driver.step()
    assert driver.sequence.rendering
    assert driver.sequence.next_attempt(speculate=False) is None


def test_a_failed_attempt_ends_the_decoding_of_the_next_turn() -> None:
    driver = Driver(request_of(3), "early", {"0": SILENT}, TRAINED)
    driver.step()
    attempt = driver.sequence.next_attempt(speculate=True)
    assert attempt is not None
    driver.start(attempt)
    driver.decode_a_token()
    driver.deliver()
    assert driver.decoder.active == ()
    retried = driver.sequence.next_attempt(speculate=True)
    assert retried is not None
    assert (retried.index, retried.number) == (0, 1)


def test_a_turns_tokens_are_read_once() -> None:
    """The cache goes on behind them: a turn prefills its own text, and ids behind its own draws."""
    driver = Driver(request_of(3), "at once", {}, TRAINED)
    dialogue = driver.sequence.dialogue
    lengths = []
    while attempt := driver.sequence.next_attempt(speculate=False):
        lengths.append(dialogue.cache.length)
        driver.start(attempt)
        assert not dialogue.has_unread_turns
        assert dialogue.cache.length > max(lengths)
        while driver.sequence.decoding:
            driver.decode_a_token()
        driver.take_job()
        driver.deliver()
    assert len(lengths) == 3
    assert lengths == sorted(lengths)
    assert lengths[1] > lengths[0] + OPTIONS.sampling.max_tokens - 1


@pytest.mark.parametrize("accepted", [0, 1])
def test_an_earlier_attempt_can_be_restored(accepted: int) -> None:
    """A dialogue that is rolled back and closed with any attempt goes on as right after it."""

    def next_turn(numbers: list[int], restored: int) -> SpeechTokens:
        driver = Driver(request_of(2), "at once", {}, TRAINED)
        sequence, dialogue = driver.sequence, driver.sequence.dialogue
        tokens: dict[int, SpeechTokens] = {}
        attempt = sequence.next_attempt(speculate=False)
        assert attempt is not None
        for number in numbers:
            attempt.number = number
            driver.start(attempt)
            while not (decoded := driver.decoder.step()):
                pass
            (result,) = decoded.values()
            assert isinstance(result, SpeechTokens)
            dialogue.set_decoded(result)
            tokens[number] = result
        mark = dialogue.mark()
        dialogue.close_turn(tokens[numbers[-1]])
        dialogue.roll_back(mark)
        dialogue.close_turn(tokens[restored])
        sequence.decoding = None
        attempt = sequence.next_attempt(speculate=False)
        assert attempt is not None
        driver.start(attempt)
        while not (decoded := driver.decoder.step()):
            pass
        (result,) = decoded.values()
        assert isinstance(result, SpeechTokens)
        return result

    assert next_turn([0, 1, 2], accepted) == next_turn([accepted], accepted)
    assert next_turn([0], 0) != next_turn([1], 1)


def test_an_attempt_that_failed_already_is_not_rendered_while_attempts_remain() -> None:
    """These turns end at their limit, which is a failure: only the last attempt is rendered."""
    options = dataclasses.replace(OPTIONS, check_length=True, retries=3)
    request = dataclasses.replace(request_of(2), options=options)
    driver = Driver(request, "late", {}, TRAINED)
    rendered_attempts: list[str] = []
    deliver = driver.deliver

    def noting() -> list[Event]:
        assert driver.job is not None
        rendered_attempts.append(str(driver.job.draws))
        return deliver()

    driver.deliver = noting  # type: ignore[method-assign]
    turns = driver.run()
    assert rendered_attempts == ["0+3", "1+3"]
    assert [turn.attempt for turn in turns] == [3, 3]
    assert all("limit of 8 tokens" in turn.problems[0] for turn in turns)
    assert all(len(turn.wave) == 8 * 960 for turn in turns)


class Ears:
    """Hears as much otherwise as it is told of the attempt that is delivered; else nothing.

    errors: by the name of the draws; None: the attempt cannot be judged.
    """

    def __init__(self, errors: Mapping[str, float | None]) -> None:
        self.errors, self.draws = errors, ""
        self.heard: list[str] = []

    def hear(self, turn: Turn, prompt: SpeakerPrompt, wave: Tensor) -> Heard | None:
        self.heard.append(self.draws)
        error = self.errors.get(self.draws, 0.0)
        return None if error is None else Heard(f"words of {self.draws}", error)


def heard_by(
    ears: Ears, request: Request, when: str, flaws: Flaws | None = None, limit: float | None = 0.3
) -> list[TurnAudio]:
    """Run a request whose turns are heard."""
    options = dataclasses.replace(request.options, verify_limit=limit)
    request = dataclasses.replace(request, options=options, listener=ears)
    driver = Driver(request, when, flaws or {}, TRAINED)
    deliver = driver.deliver

    def delivered() -> list[Event]:
        assert driver.job is not None
        ears.draws = str(driver.job.draws)
        return deliver()

    driver.deliver = delivered  # type: ignore[method-assign]
    return driver.run()


EVERY_MOMENT = pytest.mark.parametrize("when", ["at once", "early", "late"])


@EVERY_MOMENT
@pytest.mark.parametrize(
    ("errors", "accepted"),
    [
        ({}, 0),
        ({"2": 0.3}, 0),
        ({"2": 0.9}, 1),
        ({"2": 0.9, "2+1": 0.5}, 2),
        ({"2": 0.4, "2+1": 0.5, "2+2": 0.6}, 0),
        ({"2": 0.9, "2+1": 0.5, "2+2": 0.6}, 1),
        ({"2": 0.9, "2+1": 0.8, "2+2": 0.7}, 2),
        ({"2": 0.5, "2+1": 0.5, "2+2": 0.5}, 0),
    ],
)
def test_the_attempt_that_is_understood_best_is_accepted(
    errors: dict[str, float], accepted: int, when: str
) -> None:
    """The dialogue goes on from it, as if it had been the only one."""
    ears = Ears(errors)
    turns = heard_by(ears, request_of(5), when)
    assert [turn.attempt for turn in turns] == [0, 0, accepted, 0, 0]
    made = [name for name in dict.fromkeys(ears.heard) if name.startswith("2")]
    assert turns[2].later_attempts == len(made) - 1 - accepted
    assert turns[2].heard == Heard(f"words of {made[accepted]}", errors.get(made[accepted], 0.0))
    assert bool(turns[2].problems) == (errors.get(made[accepted], 0.0) > 0.3)
    alone = dataclasses.replace(request_of(5), attempts={2: accepted})
    for ours, theirs in zip(turns, run(alone, "at once", {}), strict=True):
        assert ours.tokens == theirs.tokens
        assert torch.equal(ours.wave, theirs.wave)


def test_a_turn_that_is_not_understood_names_both_texts() -> None:
    turns = heard_by(Ears({"1": 0.75, "1+1": 0.75, "1+2": 0.75}), request_of(2), "late")
    assert turns[0].problems == ()
    assert turns[1].problems == (
        "75% of its words are heard otherwise (limit 30%): “words of 1” for “line 1”",
    )


@EVERY_MOMENT
def test_what_failed_other_checks_is_worse_than_what_was_misheard(when: str) -> None:
    flaws: Flaws = {"1+1": SILENT, "1+2": SILENT}
    turns = heard_by(Ears({"1": 0.9, "1+1": 0.0, "1+2": 0.0}), request_of(3), when, flaws)
    assert [turn.attempt for turn in turns] == [0, 0, 0]
    assert turns[1].later_attempts == 2
    nothing: Flaws = {"1+1": NotFiniteError("the mel"), "1+2": NotFiniteError("the mel")}
    again = heard_by(Ears({"1": 0.9}), request_of(3), when, nothing)
    assert [turn.tokens for turn in again] == [turn.tokens for turn in turns]


def test_tokens_that_are_not_finite_are_worse_than_what_was_misheard() -> None:
    options = dataclasses.replace(OPTIONS, verify_limit=0.3, retries=1)
    ears = Ears({"0": 0.9})
    request = dataclasses.replace(request_of(2), options=options, listener=ears)
    driver = Driver(request, "at once", {}, TRAINED)
    ears.draws = "0"
    assert driver.step() == []  # it is to be attempted again
    attempt = driver.sequence.next_attempt(speculate=False)
    assert attempt is not None
    driver.start(attempt)
    driver.decoder.cancel(driver.sequence.dialogue.cache)
    (event,) = driver.sequence.on_tokens(NotFiniteError("the LLM's logits"))
    assert isinstance(event, TurnFinished)
    assert (event.audio.attempt, event.audio.later_attempts) == (0, 1)
    ears.draws = "1"
    (last,) = driver.run()
    expected = run(dataclasses.replace(request_of(2), options=options), "at once", {})
    assert last.tokens == expected[1].tokens


@EVERY_MOMENT
def test_what_cannot_be_judged_does_not_fail(when: str) -> None:
    turns = heard_by(Ears({"0": None}), request_of(2), when, {"1": SILENT})
    assert [(turn.attempt, turn.heard) for turn in turns] == [
        (0, None),
        (1, Heard("words of 1+1", 0.0)),
    ]


def test_without_a_limit_everything_is_heard_and_nothing_fails() -> None:
    turns = heard_by(Ears({"0": 0.9}), request_of(2), "late", limit=None)
    assert [turn.heard and turn.heard.error for turn in turns] == [0.9, 0.0]
    assert not any(turn.problems for turn in turns)


def test_listening_is_work_of_its_own() -> None:
    (turn,) = heard_by(Ears({"0": 0.9}), request_of(1), "at once")
    assert turn.work.hearing > 0
    assert turn.work.by_stage()["hearing"] == turn.work.hearing
    (silent,) = run(request_of(1), "at once", {})
    assert "hearing" not in silent.work.by_stage()
