"""What a stream reports while turns are decoded has the samples of the file of the same mode."""

import dataclasses
from collections.abc import Sequence
from functools import cache, partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.golden_data import models, trace_prompts
from torch import Tensor

from podtts.engine.engine import Engine
from podtts.engine.live_sequence import LiveSequence
from podtts.engine.prefill import prefill_prompts
from podtts.engine.render import RenderJob
from podtts.engine.request import Event, Request, RequestFinished, SoundRendered, TurnFinished
from podtts.engine.streamed_turn import StreamedTurn, render_in_chunks
from podtts.errors import UsageError
from podtts.flow.chunks import ChunkQueue
from podtts.flow.prompt_states import PromptStates
from podtts.llm.decoder import Decoder, NotFiniteError
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.script.parse import parse_script
from podtts.values import Heard, SpeakerPrompt, SpeechTokens, Turn, TurnAudio

STREAMING = FlowOptions(steps=1, mode="streaming")
OPTIONS = SynthesisOptions(
    sampling=SamplingOptions(max_tokens=45, min_tokens=30), flow=STREAMING, retries=0
)
STATES = PromptStates()


def request_of(turns: int, **own: object) -> Request:
    script = parse_script("\n".join(f"[S{turn % 2}] line {turn}" for turn in range(turns)))
    options = dataclasses.replace(OPTIONS, **own)  # type: ignore[arg-type]
    prompts = trace_prompts("plain")[: len(script.labels)]
    return Request("a request", script, prompts, options, reports_sound=True)


def as_file(request: Request) -> list[TurnAudio]:
    """The turns of a request that are rendered when they are decoded as a whole."""
    turns = Synthesizer(models()).synthesize(request.script, request.prompts, request.options)
    return list(turns)


@cache
def file_of(turns: int) -> list[TurnAudio]:
    return as_file(request_of(turns))


def events_of(requests: Sequence[Request], *, overlap: bool, graphs: bool = False) -> list[Event]:
    decoder = partial(Decoder, graphs=graphs)
    engine = Engine(models(), rows=len(requests), decoder=decoder, overlap=overlap)
    return list(engine.run(requests))


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("overlap", [False, True])
def test_a_stream_has_the_samples_of_the_file(overlap: bool, graphs: bool) -> None:
    """Over a rebuild of the window; with graphs, tokens come in blocks."""
    request = request_of(12)
    events = events_of([request], overlap=overlap, graphs=graphs)
    assert isinstance(events[-1], RequestFinished)
    for expected in file_of(12):
        chunks = [
            event.chunk
            for event in events
            if isinstance(event, SoundRendered) and event.chunk.index == expected.index
        ]
        assert len(chunks) > 1
        assert torch.equal(torch.cat([chunk.samples for chunk in chunks]), expected.wave)
        lengths = [len(chunk.samples) for chunk in chunks]
        assert [chunk.first_sample for chunk in chunks] == [
            sum(lengths[:number]) for number in range(len(chunks))
        ]
        turn = chunks[-1].finished
        assert turn is not None
        assert torch.equal(turn.wave, expected.wave)
        assert turn.tokens == expected.tokens
        assert all(chunk.finished is None for chunk in chunks[:-1])


def test_rows_with_prompts_of_different_lengths_give_what_each_gives_alone() -> None:
    requests = [request_of(3, seed=seed) for seed in range(3)]
    requests[1] = dataclasses.replace(requests[1], prompts=requests[1].prompts[::-1])
    requests[2] = dataclasses.replace(requests[2], reports_sound=False)
    events = events_of(requests, overlap=False)
    for request in requests:
        turns = [
            event.audio
            for event in events
            if isinstance(event, TurnFinished) and event.request is request
        ]
        for ours, theirs in zip(turns, as_file(request), strict=True):
            assert torch.equal(ours.wave, theirs.wave)


def test_sound_comes_before_its_turn_is_decoded() -> None:
    engine = Engine(models(), rows=1, overlap=False)
    engine.add(request_of(1))
    events: list[Event] = []
    while not events:
        events = engine.step()
    assert isinstance(events[0], SoundRendered)
    assert not any(isinstance(event, TurnFinished) for event in events)
    engine.close()


def test_a_failed_check_is_reported_and_nothing_is_taken_back() -> None:
    trained = dataclasses.replace(models(), untrained=False)
    request = request_of(2, retries=2)
    events = list(Engine(trained, rows=1).run([request]))
    turns = [event.audio for event in events if isinstance(event, TurnFinished)]
    for ours, expected in zip(turns, as_file(request_of(2)), strict=True):
        assert ours.attempt == 0
        assert any("without an end" in problem for problem in ours.problems)
        assert torch.equal(ours.wave, expected.wave)


class Ear:
    """Hears one word in every turn, and what it was given."""

    def __init__(self) -> None:
        self.waves: list[Tensor] = []

    def hear(self, turn: Turn, prompt: SpeakerPrompt, wave: Tensor) -> Heard:
        self.waves.append(wave)
        return Heard("something", 1.0)


def test_a_listener_hears_whole_turns_and_ends_none() -> None:
    ear = Ear()
    request = dataclasses.replace(request_of(2, verify_limit=0.3, retries=2), listener=ear)
    turns = [
        event.audio
        for event in events_of([request], overlap=False)
        if isinstance(event, TurnFinished)
    ]
    assert [turn.attempt for turn in turns] == [0, 0]
    assert all("heard otherwise" in turn.problems[0] for turn in turns)
    assert all(torch.equal(*pair) for pair in zip(ear.waves, [t.wave for t in turns], strict=True))


def test_a_request_for_sound_needs_the_streaming_flow() -> None:
    with pytest.raises(UsageError, match="mode full renders only whole turns"):
        Engine(models(), rows=1).add(request_of(1, flow=FlowOptions(steps=1)))


def test_a_cancelled_stream_leaves_nothing_behind() -> None:
    engine = Engine(models(), rows=1, overlap=True)
    first, second = request_of(2), request_of(1, seed=7)
    engine.add(first)
    while not any(isinstance(event, SoundRendered) for event in engine.step()):
        pass
    engine.cancel(first)
    engine.add(second)
    events: list[Event] = []
    while not engine.is_idle:
        events += engine.step()
    engine.close()
    assert all(event.request is second for event in events)
    (expected,) = as_file(second)
    assert any(
        isinstance(event, TurnFinished) and torch.equal(event.audio.wave, expected.wave)
        for event in events
    )


def test_a_turn_that_the_llm_cannot_compute_is_reported_after_the_turn_before() -> None:
    """Its end is known while the turn before is still being rendered."""
    request, loaded = request_of(2), models()
    cache = loaded.llm.new_cache()
    dialogue = prefill_prompts(loaded, None, request.prompts, request.options, cache)
    sequence, decoder = (
        LiveSequence(loaded, request, dialogue, 0.0, STATES),
        Decoder(loaded.llm, cache.batch),
    )
    attempt = sequence.next_attempt(speculate=True)
    assert attempt is not None
    dialogue.prepare_attempt(decoder)
    rng = sequence.attempt_rng(attempt)
    decoder.start(cache, dialogue.window.ids, request.options.sampling, rng)
    while not (decoded := decoder.step()):
        pass
    assert sequence.on_tokens(decoded[cache]) == []
    assert sequence.next_attempt(speculate=True) is not None
    dialogue.prepare_attempt(decoder)
    assert sequence.on_tokens(NotFiniteError("the LLM's logits at step 1")) == []
    events: list[Event] = []
    while job := sequence.take_render_job():
        events += sequence.on_audio(job.turn.render(job.chunk))
    turns = [event.audio for event in events if isinstance(event, TurnFinished)]
    assert [turn.problems for turn in turns] == [
        (),
        ("the LLM's logits at step 1: NaN or infinite",),
    ]
    assert (len(turns[0].wave) > 0, len(turns[1].wave)) == (True, 0)
    assert sequence.is_finished


@settings(max_examples=10)
@given(st.integers(1, 70), st.lists(st.integers(1, 40), max_size=8))
def test_pieces_of_any_size_give_the_same_bits(count: int, sizes: list[int]) -> None:
    rng = torch.Generator().manual_seed(count)
    ids = tuple(torch.randint(0, 6561, (count,), generator=rng).tolist())
    prompt = trace_prompts("plain")[0]
    job = RenderJob(SpeechTokens(ids, ended=True), prompt, STREAMING, 5, 3)
    expected = render_in_chunks(models(), STATES, job)
    turn, queue = StreamedTurn(models(), STATES, job), ChunkQueue(models().flow.lookahead)
    parts, start = [], 0
    for size in [*sizes, count]:
        queue.add(ids[start : start + size])
        start += size
        if start >= count:
            queue.end()
        while chunk := queue.next():
            parts.append(turn.render(chunk).samples)
    assert not isinstance(expected, ArithmeticError)
    assert torch.equal(torch.cat(parts), expected.wave)
    assert len(expected.wave) == 960 * count
