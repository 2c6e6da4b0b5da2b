"""Requests side by side give what each gives alone; they come, go and fail without the others."""

import dataclasses
import functools
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.golden_data import models, trace_prompts
from torch import Tensor

from podtts.engine.engine import Engine
from podtts.engine.renderer import ThreadedRenderer
from podtts.engine.request import (
    Event,
    Request,
    RequestFailed,
    RequestFinished,
    TokensDecoded,
    TurnFinished,
)
from podtts.errors import InputError, ModelError
from podtts.llm.decoder import Decoder
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.script.parse import parse_script
from podtts.values import Heard, SpeakerPrompt, Turn, TurnAudio

QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=14), flow=FlowOptions(steps=1))


def request_of(number: int, turns: int, **options: object) -> Request:
    """A script of its own length, words, seed and order of voices."""
    lines = [f"[S{(number + turn) % 2}] script {number} line {turn}" for turn in range(turns)]
    script = parse_script("\n".join(lines))
    return Request(
        f"request {number}",
        script,
        trace_prompts("plain" if number % 2 else "dialect")[: len(script.labels)],
        dataclasses.replace(QUICK, seed=number, **options),  # type: ignore[arg-type]
    )


def alone(request: Request) -> list[TurnAudio]:
    turns = Synthesizer(models()).synthesize(
        request.script,
        request.prompts,
        request.options,
        finished=request.finished,
        attempts=request.attempts,
    )
    return list(turns)


@functools.cache
def alone_of(number: int, turns: int) -> list[TurnAudio]:
    """What `request_of` gives alone; many tests compare with the same."""
    return alone(request_of(number, turns))


def turns_of(events: list[Event], request: Request) -> list[TurnAudio]:
    return [
        event.audio
        for event in events
        if isinstance(event, TurnFinished) and event.request is request
    ]


def together(
    requests: list[Request], rows: int, *, overlap: bool = False, graphs: bool = False
) -> list[list[TurnAudio]]:
    decoder = functools.partial(Decoder, graphs=graphs)
    engine = Engine(models(), rows=rows, decoder=decoder, overlap=overlap)
    events = list(engine.run(requests))
    finished = [event.request for event in events if isinstance(event, RequestFinished)]
    assert sorted(map(id, finished)) == sorted(map(id, requests))
    return [turns_of(events, request) for request in requests]


def run_to_the_end(engine: Engine) -> list[Event]:
    events: list[Event] = []
    while not engine.is_idle:
        events += engine.step()
    return events


def assert_same(ours: list[TurnAudio], theirs: list[TurnAudio]) -> None:
    assert [turn.index for turn in ours] == [turn.index for turn in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.tokens == other.tokens
        assert one.attempt == other.attempt
        assert float((one.wave - other.wave).abs().max()) < 1 / 32768


@pytest.mark.parametrize("how", [{}, {"overlap": True}, {"overlap": True, "graphs": True}], ids=str)
@pytest.mark.parametrize("rows", [1, 2, 3, 8])
def test_requests_side_by_side_give_what_each_gives_alone(rows: int, how: dict[str, bool]) -> None:
    requests, each_alone = unlike_requests()
    for turns, same in zip(together([*requests], rows, **how), each_alone, strict=True):
        assert_same(turns, same)


def test_the_next_turn_is_decoded_while_one_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    waits: list[int] = []  # how many turns had been started each time
    start, poll = Decoder.start, ThreadedRenderer.poll

    def counted_start(self: Decoder, *arguments: Any) -> None:
        started.append("a turn")
        start(self, *arguments)

    def watched_poll(self: ThreadedRenderer[Any], rows: int, *, decoding: bool) -> Any:
        waits.extend([len(started)] * (not decoding))
        return poll(self, rows, decoding=decoding)

    monkeypatch.setattr(Decoder, "start", counted_start)
    monkeypatch.setattr(ThreadedRenderer, "poll", watched_poll)
    together([request_of(1, 3)], rows=1, overlap=True)
    assert len(started) == 3
    assert waits
    assert min(waits) > 1  # it waits for the first turn no sooner than the second is decoded, too


@functools.cache
def unlike_requests() -> tuple[list[Request], list[list[TurnAudio]]]:
    """Scripts of different lengths, one over a rebuild, one partly finished, one retaken; alone."""
    requests = [request_of(number, turns) for number, turns in enumerate((3, 13, 1, 2, 4))]
    first = alone(requests[4])
    finished = {0: first[0].tokens, 2: first[2].tokens}
    requests[4] = dataclasses.replace(requests[4], finished=finished)
    requests[3] = dataclasses.replace(requests[3], attempts={1: 2})
    return requests, [alone(request) for request in requests]


def test_requests_may_have_options_of_their_own() -> None:
    hot = SamplingOptions(max_tokens=10, temperature=2.0, min_tokens=0, repetition_penalty=1.0)
    requests = [
        request_of(1, 2),
        request_of(2, 2, sampling=hot),
        request_of(3, 2, flow=FlowOptions(steps=2)),
    ]
    for request, turns in zip(requests, together(requests, 3), strict=True):
        assert_same(turns, alone(request))


@pytest.mark.parametrize("overlap", [False, True])
def test_turns_that_fail_a_check_are_retried_in_their_row_alone(overlap: bool) -> None:
    trained = dataclasses.replace(models(), untrained=False)
    requests = [request_of(number, 2) for number in (1, 2)]
    events = list(Engine(trained, rows=2, overlap=overlap).run(requests))
    for request in requests:
        expected = list(
            Synthesizer(trained).synthesize(request.script, request.prompts, request.options)
        )
        turns = turns_of(events, request)
        assert len(turns) == 2
        assert [turn.problems for turn in turns] == [turn.problems for turn in expected]
        assert_same(turns, expected)


def test_a_request_that_does_not_fit_fails_alone() -> None:
    requests = [request_of(1, 2), request_of(2, 2), request_of(3, 2)]
    requests[1] = dataclasses.replace(requests[1], prompts=requests[1].prompts[:1])
    events = list(Engine(models(), rows=2).run(requests))
    (failed,) = [event for event in events if isinstance(event, RequestFailed)]
    assert failed.request is requests[1]
    assert isinstance(failed.error, InputError)
    assert sum(isinstance(event, TurnFinished) for event in events) == 4


class Deaf:
    """A listener whose model does not work."""

    def hear(self, turn: Turn, prompt: SpeakerPrompt, wave: Tensor) -> Heard:
        raise ModelError("no ears")


@pytest.mark.parametrize("overlap", [False, True])
def test_a_request_whose_listener_fails_ends_alone(overlap: bool) -> None:
    requests = [request_of(1, 2), request_of(2, 2), request_of(3, 2)]
    requests[1] = dataclasses.replace(requests[1], listener=Deaf())
    events = list(Engine(models(), rows=2, overlap=overlap).run(requests))
    (failed,) = [event for event in events if isinstance(event, RequestFailed)]
    assert failed.request is requests[1]
    assert failed.error.problem == "no ears"
    for number in (0, 2):
        assert_same(turns_of(events, requests[number]), alone(requests[number]))


def test_a_request_that_does_not_fit_is_not_taken() -> None:
    engine = Engine(models(), rows=1)
    unfit = dataclasses.replace(request_of(1, 2), prompts=[])
    with pytest.raises(InputError, match="2 speakers, but 0 prompts"):
        engine.add(unfit)
    assert engine.is_idle


def test_requests_are_taken_when_a_row_is_free_and_not_before() -> None:
    taken: list[int] = []

    def requests() -> Iterator[Request]:
        for number in range(6):
            taken.append(number)
            yield request_of(number, 1)

    finished = 0
    for event in Engine(models(), rows=2).run(requests()):
        finished += isinstance(event, RequestFinished)
        assert len(taken) <= finished + 2
    assert finished == 6


def test_a_request_may_come_while_others_are_synthesized() -> None:
    engine = Engine(models(), rows=2)
    first, second = request_of(1, 2), request_of(2, 1)
    engine.add(first)
    assert engine.free_rows == 1
    events: list[Event] = []
    while not any(isinstance(event, TurnFinished) for event in events):
        events += engine.step()
    engine.add(second)
    assert engine.free_rows == 0
    events += run_to_the_end(engine)
    assert engine.free_rows == 2
    for request in (first, second):
        assert_same(turns_of(events, request), alone(request))


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 5, 20, 40])
def test_a_cancelled_request_frees_its_row_and_disturbs_no_other(steps: int, overlap: bool) -> None:
    """Cancelled while it waits, is decoded or is rendered; a third request takes its row."""
    engine = Engine(models(), rows=2, overlap=overlap)
    cancelled, other, third = request_of(1, 3), request_of(2, 3), request_of(3, 2)
    for request in (cancelled, other, third):
        engine.add(request)
    events: list[Event] = []
    for _ in range(steps):
        events += engine.step()
    engine.cancel(cancelled)
    reported = len(turns_of(events, cancelled))
    events += run_to_the_end(engine)
    engine.close()
    assert len(turns_of(events, cancelled)) == reported
    assert not any(
        isinstance(event, RequestFinished) and event.request is cancelled for event in events
    )
    assert_same(turns_of(events, other), alone_of(2, 3))
    assert_same(turns_of(events, third), alone_of(3, 2))


def test_a_request_that_still_waits_can_be_cancelled() -> None:
    engine = Engine(models(), rows=1)
    first, second = request_of(1, 1), request_of(2, 1)
    engine.add(first)
    engine.add(second)
    engine.cancel(second)
    events = run_to_the_end(engine)
    assert {event.request for event in events} == {first}


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("overlap", [False, True])
def test_tokens_are_reported_as_they_come(overlap: bool, graphs: bool) -> None:
    """Put together by their positions they are the turns' tokens, without a gap."""
    engine = Engine(
        models(), rows=2, decoder=functools.partial(Decoder, graphs=graphs), overlap=overlap
    )
    silent, reporting = request_of(1, 3), request_of(2, 3)
    reporting = dataclasses.replace(reporting, reports_tokens=True)
    events = list(engine.run([silent, reporting]))
    parts = [event for event in events if isinstance(event, TokensDecoded)]
    assert {part.request for part in parts} == {reporting}
    assert len(parts) > 3 or graphs
    decoded = put_together(parts)
    for turn in turns_of(events, reporting):
        assert decoded[turn.index] == list(turn.tokens.ids)


def put_together(parts: list[TokensDecoded]) -> dict[int, list[int]]:
    """Tokens by turn; a part at position 0 takes back what came before."""
    decoded: dict[int, list[int]] = {}
    for part in parts:
        tokens = decoded.setdefault(part.index, [])
        del tokens[part.position :]
        assert len(tokens) == part.position
        tokens += part.ids
    return decoded


@pytest.mark.parametrize("overlap", [False, True])
def test_tokens_of_turns_that_are_decoded_again_take_back_the_first_ones(overlap: bool) -> None:
    """A trained model whose turns all fail the check of their length, over several attempts."""
    trained = dataclasses.replace(models(), untrained=False)
    request = dataclasses.replace(request_of(1, 3), reports_tokens=True)
    events = list(Engine(trained, rows=1, overlap=overlap).run([request]))
    parts = [event for event in events if isinstance(event, TokensDecoded)]
    assert {part.attempt for part in parts} == {0, 1, 2}
    decoded = put_together(parts)
    for turn in turns_of(events, request):
        assert turn.attempt == 2
        assert decoded[turn.index] == list(turn.tokens.ids)


@pytest.mark.parametrize("overlap", [False, True])
def test_who_stops_early_leaves_nothing_behind(overlap: bool) -> None:
    before = set(threading.enumerate())
    engine = Engine(models(), rows=2, overlap=overlap)
    events = engine.run([request_of(1, 2), request_of(2, 2)])
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) <= before
    assert engine.is_idle
    fresh = request_of(3, 2)
    assert_same(turns_of(list(engine.run([fresh])), fresh), alone_of(3, 2))


def test_seconds_of_work_are_shared_out() -> None:
    for turns in together([request_of(number, 1) for number in range(3)], 3):
        work = turns[0].work
        assert min(work.llm, work.flow, work.vocoder) > 0


def test_an_error_of_the_renderers_thread_is_raised() -> None:
    request = request_of(1, 3)
    features = request.prompts[0].features
    unknown = dataclasses.replace(features, speech_tokens=features.speech_tokens.clamp(max=-1))
    prompts = [dataclasses.replace(request.prompts[0], features=unknown), *request.prompts[1:]]
    engine = Engine(models(), rows=1, overlap=True)
    with pytest.raises(InputError, match="speech tokens reach from -1"):
        list(engine.run([dataclasses.replace(request, prompts=prompts)]))
    other = request_of(2, 1)
    assert len(turns_of(list(engine.run([other])), other)) == 1


def test_without_requests_nothing_is_reported() -> None:
    assert list(Engine(models(), rows=2).run([])) == []


def test_a_request_whose_turns_are_all_finished_is_finished_at_once() -> None:
    request = request_of(1, 1)
    request = dataclasses.replace(request, finished={0: alone(request)[0].tokens})
    (event,) = Engine(models(), rows=2).run([request])
    assert isinstance(event, RequestFinished)


def test_the_wave_is_on_the_cpu_and_finite() -> None:
    (turns,) = together([request_of(1, 1)], 2)
    assert turns[0].wave.device.type == "cpu"
    assert bool(torch.isfinite(turns[0].wave).all())
