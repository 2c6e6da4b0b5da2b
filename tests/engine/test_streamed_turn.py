"""A turn whose chunks are not finite in few bits goes on in float32."""

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from support.golden_data import models, trace_prompts

from podtts.engine.render import RenderJob
from podtts.engine.streamed_turn import RenderedChunk, StreamedTurn, render_in_chunks
from podtts.flow.chunks import RAMP, ChunkQueue
from podtts.flow.prompt_states import PromptStates
from podtts.llm.decoder import NotFiniteError
from podtts.options import FlowOptions
from podtts.values import SpeechTokens
from podtts.weights.load import Models

pytestmark = pytest.mark.usefixtures("native_bfloat16")

LOW = FlowOptions(steps=1, mode="streaming", precision="bfloat16")
IDS = tuple(range(5000, 5070))
BAD = 6000
NEAR_THE_END = 3.4e38  # a number that float32 holds and bfloat16 rounds to infinity


def job_of(ids: Sequence[int]) -> RenderJob:
    return RenderJob(SpeechTokens(tuple(ids), ended=True), trace_prompts("plain")[0], LOW, 1, 0)


def with_bad_token(value: float) -> Models:
    """Models with a number in the embedding of BAD that no layer reads, if it is finite."""
    flow = copy.deepcopy(models().flow)
    flow.encoder.embed.linear.weight.data[:, 0] = 0
    flow.token_embedding.weight.data[BAD, 0] = value
    return dataclasses.replace(models(), flow=flow)


def rendered(loaded: Models, ids: Sequence[int]) -> list[RenderedChunk]:
    turn, queue = StreamedTurn(loaded, PromptStates(), job_of(ids)), ChunkQueue(3)
    queue.add(ids)
    queue.end()
    chunks = []
    while chunk := queue.next():
        chunks.append(turn.render(chunk))
    return chunks


def with_token(number: int) -> list[int]:
    return [*IDS[:number], BAD, *IDS[number + 1 :]]


def test_float32_takes_over_from_the_first_chunk_that_is_not_finite() -> None:
    loaded = with_bad_token(NEAR_THE_END)
    clean, chunks = rendered(loaded, IDS), rendered(loaded, with_token(RAMP[0] + 10))
    assert [chunk.widened for chunk in clean] == [()] * len(clean)
    assert [chunk.widened for chunk in chunks] == [(), *[("flow",)] * (len(chunks) - 1)]
    assert torch.equal(chunks[0].samples, clean[0].samples)
    assert all(bool(chunk.samples.isfinite().all()) for chunk in chunks)
    whole = render_in_chunks(loaded, PromptStates(), job_of(with_token(RAMP[0] + 10)))
    assert not isinstance(whole, NotFiniteError)
    assert torch.equal(whole.wave, torch.cat([chunk.samples for chunk in chunks]))
    assert whole.widened == ("flow",)


def test_a_prompt_that_is_not_finite_is_solved_in_float32_for_all_its_turns() -> None:
    loaded, states = with_bad_token(NEAR_THE_END), PromptStates()
    features = trace_prompts("plain")[0].features
    tokens = features.speech_tokens.clone()
    tokens[3] = BAD
    prompt = dataclasses.replace(
        trace_prompts("plain")[0], features=dataclasses.replace(features, speech_tokens=tokens)
    )
    job = dataclasses.replace(job_of(IDS), prompt=prompt)
    results: list[Any] = [render_in_chunks(loaded, states, job) for _ in range(2)]
    assert [result.widened for result in results] == [("flow",)] * 2
    assert torch.equal(results[0].wave, results[1].wave)


def test_a_turn_that_is_not_finite_in_float32_fails() -> None:
    loaded = with_bad_token(float("nan"))
    assert isinstance(
        render_in_chunks(loaded, PromptStates(), job_of(with_token(40))), NotFiniteError
    )
    with pytest.raises(NotFiniteError, match="the flow's mel"):
        rendered(loaded, with_token(40))


def test_the_vocoder_goes_on_in_float32_too() -> None:
    vocoder = copy.deepcopy(models().vocoder)
    step = "levels.0.blocks.0.steps.0"
    vocoder.get_parameter(f"{step}.conv1.bias").data[0] = NEAR_THE_END
    vocoder.get_parameter(f"{step}.snake2.alpha").data[0] = 1
    vocoder.get_parameter(f"{step}.conv2.weight").data[:, 0] = 0
    chunks = rendered(dataclasses.replace(models(), vocoder=vocoder), IDS)
    assert [chunk.widened for chunk in chunks] == [("vocoder",)] * len(chunks)


def test_turns_of_a_voice_share_the_solution_of_its_prompt() -> None:
    states = PromptStates()
    first = render_in_chunks(models(), states, job_of(IDS))
    kept = states.memory_bytes
    assert kept > 0
    again = render_in_chunks(models(), states, job_of(IDS))
    anew = render_in_chunks(models(), PromptStates(megabytes=0), job_of(IDS))
    assert states.memory_bytes == kept
    for result in (again, anew):
        assert not isinstance(result, NotFiniteError)
        assert not isinstance(first, NotFiniteError)
        assert torch.equal(result.wave, first.wave)
