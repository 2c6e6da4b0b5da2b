"""Scripts side by side say what each says alone."""

import dataclasses
import threading
from collections.abc import Iterator

import pytest
import torch
from support.golden_data import models, trace_prompts

from podtts.engine.engine import Engine, RequestFailed
from podtts.engine.sequence import Request
from podtts.errors import InputError
from podtts.llm.block_decoder import BlockDecoder
from podtts.llm.generate import Decoder
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.script.parse import parse_script
from podtts.values import TurnAudio

QUICK = SynthesisOptions(sampling=SamplingOptions(max_tokens=14), flow=FlowOptions(steps=1))


def job(number: int, turns: int, **options: object) -> Request:
    """A script of its own length, words, seed and order of voices."""
    lines = [f"[S{(number + turn) % 2}] script {number} line {turn}" for turn in range(turns)]
    script = parse_script("\n".join(lines))
    return Request(
        f"job {number}",
        script,
        trace_prompts("plain" if number % 2 else "dialect")[: len(script.labels)],
        dataclasses.replace(QUICK, seed=number, **options),  # type: ignore[arg-type]
    )


def alone(one: Request) -> list[TurnAudio]:
    turns = Synthesizer(models()).synthesize(
        one.script, one.prompts, one.options, spoken=one.spoken, attempts=one.attempts
    )
    return list(turns)


def together(
    jobs: list[Request], rows: int, *, overlap: bool = False, fixed: bool = False
) -> dict[str, list[TurnAudio]]:
    spoken: dict[str, list[TurnAudio]] = {one.id: [] for one in jobs}
    decoder = BlockDecoder if fixed else Decoder
    for told in Engine(models(), rows=rows, decoder=decoder, overlap=overlap).speak(jobs):
        assert not isinstance(told, RequestFailed)
        spoken[told[0].id].append(told[1])
    return spoken


def assert_same(ours: list[TurnAudio], theirs: list[TurnAudio]) -> None:
    assert [turn.index for turn in ours] == [turn.index for turn in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.tokens == other.tokens
        assert one.attempt == other.attempt
        assert float((one.wave - other.wave).abs().max()) < 1 / 32768


@pytest.mark.parametrize("how", [{}, {"overlap": True}, {"overlap": True, "fixed": True}], ids=str)
@pytest.mark.parametrize("rows", [1, 2, 3, 8])
def test_scripts_side_by_side_say_what_each_says_alone(rows: int, how: dict[str, bool]) -> None:
    """Of different lengths, one beyond a rebuild, one part spoken before, one drawn differently."""
    jobs = [job(number, turns) for number, turns in enumerate((3, 13, 1, 2, 4))]
    first = alone(jobs[4])
    jobs[4] = dataclasses.replace(jobs[4], spoken={0: first[0].tokens, 2: first[2].tokens})
    jobs[3] = dataclasses.replace(jobs[3], attempts={1: 2})
    spoken = together(jobs, rows, **how)
    for one in jobs:
        assert_same(spoken[one.id], alone(one))


def test_rows_may_be_drawn_with_options_of_their_own() -> None:
    hot = SamplingOptions(max_tokens=10, temperature=2.0, min_tokens=0, repetition_penalty=1.0)
    jobs = [job(1, 2), job(2, 2, sampling=hot), job(3, 2, flow=FlowOptions(steps=2))]
    spoken = together(jobs, 3)
    for one in jobs:
        assert_same(spoken[one.id], alone(one))


@pytest.mark.parametrize("overlap", [False, True])
def test_turns_that_come_out_wrong_are_tried_again_in_their_row_alone(overlap: bool) -> None:
    trained = dataclasses.replace(models(), untrained=False)
    jobs = [job(number, 2) for number in (1, 2)]
    told = list(Engine(trained, rows=2, overlap=overlap).speak(jobs))
    assert len(told) == 4
    for one in jobs:
        expected = list(Synthesizer(trained).synthesize(one.script, one.prompts, one.options))
        ours = [audio for whose, audio in told if whose is one]  # type: ignore[misc]
        assert [turn.problems for turn in ours] == [turn.problems for turn in expected]
        assert_same(ours, expected)


def test_a_script_that_cannot_be_spoken_fails_alone() -> None:
    jobs = [job(1, 2), job(2, 2), job(3, 2)]
    jobs[1] = dataclasses.replace(jobs[1], prompts=jobs[1].prompts[:1])
    told = list(Engine(models(), rows=2).speak(jobs))
    (failed,) = [one for one in told if isinstance(one, RequestFailed)]
    assert failed.job is jobs[1]
    assert isinstance(failed.error, InputError)
    assert sum(not isinstance(one, RequestFailed) for one in told) == 4


def test_jobs_are_taken_when_a_row_is_free_and_not_before() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[Request]:
        for number in range(6):
            taken.append(number)
            yield job(number, 1)

    finished = 0
    for _ in Engine(models(), rows=2).speak(jobs()):
        finished += 1
        assert len(taken) <= finished + 2
    assert finished == 6


def test_a_job_that_is_not_ready_yet_does_not_hold_up_the_others() -> None:
    ready = [False]

    def jobs() -> Iterator[Request | None]:
        yield job(1, 2)
        while not ready[0]:
            yield None
        yield job(2, 1)

    told = []
    for one in Engine(models(), rows=2).speak(jobs()):
        assert not isinstance(one, RequestFailed)
        told.append((one[0].id, one[1].index))
        ready[0] = True
    assert told[0] == ("job 1", 0)
    assert sorted(told) == [("job 1", 0), ("job 1", 1), ("job 2", 0)]


@pytest.mark.parametrize("overlap", [False, True])
def test_who_stops_listening_leaves_nothing_behind(overlap: bool) -> None:
    before = {*threading.enumerate()}
    ensemble = Engine(models(), rows=2, overlap=overlap)
    stream = ensemble.speak([job(1, 2), job(2, 2)])
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert {*threading.enumerate()} <= before
    fresh = job(3, 2)
    ours = [told[1] for told in ensemble.speak([fresh]) if not isinstance(told, RequestFailed)]
    assert_same(ours, alone(fresh))


def test_seconds_of_work_are_shared_out() -> None:
    jobs = [job(number, 1) for number in range(3)]
    for turns in together(jobs, 3).values():
        work = turns[0].work
        assert min(work.llm, work.flow, work.vocoder) > 0


def test_what_goes_wrong_while_rendering_aside_is_raised() -> None:
    one = job(1, 3)
    features = one.prompts[0].features
    unknown = dataclasses.replace(features, speech_tokens=features.speech_tokens.clamp(max=-1))
    prompts = [dataclasses.replace(one.prompts[0], features=unknown), *one.prompts[1:]]
    ensemble = Engine(models(), rows=1, overlap=True)
    with pytest.raises(InputError, match="speech tokens reach from -1"):
        list(ensemble.speak([dataclasses.replace(one, prompts=prompts)]))
    told = list(ensemble.speak([job(2, 1)]))
    assert len(told) == 1


def test_nothing_to_speak_is_nothing_said() -> None:
    assert list(Engine(models(), rows=2).speak([])) == []
    done = job(1, 1)
    done = dataclasses.replace(done, spoken={0: alone(done)[0].tokens})
    assert list(Engine(models(), rows=2).speak([done])) == []


def test_the_wave_is_on_the_cpu_and_finite() -> None:
    for turns in together([job(1, 1)], 2).values():
        assert turns[0].wave.device.type == "cpu"
        assert bool(torch.isfinite(turns[0].wave).all())
