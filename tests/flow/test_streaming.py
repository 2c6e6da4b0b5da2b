"""A flow that keeps its state gives what one solution gives in which frames see earlier chunks."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support.golden_data import models, relative_rms
from support.streamed_mels import OPTIONS, chunked, golden_prompt, normal, read, turn_of
from torch import Tensor, nn

from podtts.device.cancellation import Cancellation, Cancelled, cancelled_by
from podtts.errors import InputError, UsageError
from podtts.flow.decode import Flow
from podtts.flow.encoder import distance_encoding
from podtts.flow.solver import cosine_grid, solve
from podtts.flow.streaming import prompt_end
from podtts.options import FlowOptions
from podtts.values import PromptFeatures


@pytest.fixture(autouse=True, params=["compiled code", "torch"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test runs with the estimator of compiled code, where it runs, and of torch."""
    flow = models().flow
    if request.param == "compiled code" and not flow.runs_compiled("float32"):
        pytest.skip("compiled code does not run here")
    before, flow.compiled = flow.compiled, request.param == "compiled code"
    yield request.param
    flow.compiled = before


def visible(sizes: Sequence[int]) -> Tensor:
    """Which positions see which, where each sees its own part and all before."""
    ends = torch.tensor([sum(sizes[: number + 1]) for number in range(len(sizes))])
    end_of = ends.repeat_interleave(torch.tensor(sizes))
    return (torch.arange(int(ends[-1]))[None] < end_of[:, None])[None, None]


def masked(x: Tensor, layers: nn.ModuleList, sizes: Sequence[int]) -> Tensor:
    distances = distance_encoding(x.shape[1], x.shape[2])
    for layer in layers:
        x = layer(x, distances, visible(sizes))
    return x


def expected_mu(flow: Flow, ids: list[int], sizes: list[int]) -> Tensor:
    """The encoder with masks in place of states."""
    encoder = flow.encoder
    x = encoder.lookahead(encoder.embed(flow.token_embedding(torch.tensor([ids]))))
    x = encoder.up_embed(encoder.upsample(masked(x, encoder.layers, sizes)))
    x = masked(x, encoder.up_layers, [2 * size for size in sizes])
    mu: Tensor = flow.mu_projection(encoder.norm(x))
    return mu


@torch.inference_mode()
def expected_mel(
    flow: Flow, prompt: PromptFeatures, turn: list[int], sizes: list[int], options: FlowOptions
) -> Tensor:
    """One solution of prompt and turn, with masks in place of states."""
    end = prompt_end(flow, prompt)
    sizes = [end, len(prompt.speech_tokens) - end + sizes[0], *sizes[1:]]
    mu = expected_mu(flow, [*prompt.speech_tokens.tolist(), *turn], sizes)
    speaker = flow.speaker_projection(F.normalize(prompt.speaker_embedding[None], dim=1))
    condition = torch.zeros_like(mu)
    condition[0, : len(prompt.mel)] = prompt.mel
    conditions = torch.cat((mu, speaker[:, None].expand_as(mu), condition), dim=2).transpose(1, 2)
    noise = torch.cat((normal(len(prompt.mel), 1), normal(2 * len(turn), 2)))
    frames = visible([2 * size for size in sizes])

    def field(x: Tensor, valid: None, t: Tensor, chunk: int) -> Tensor:
        return flow.estimator.velocity(x, None, t, frames)

    velocity = flow.velocity(field, conditions, None, 0, options)
    x = solve(options.solver, velocity, noise.T[None], cosine_grid(options.steps))
    return x[0].T[len(prompt.mel) :]


@pytest.mark.parametrize("count", [1, 18, 19, 70])
@pytest.mark.parametrize(
    "own",
    [{}, {"guided_start": False}, {"guidance": 0.0}, {"solver": "heun"}, {"solver": "ab2"}],
    ids=str,
)
def test_chunks_are_those_of_one_solution(count: int, own: dict[str, Any]) -> None:
    options = FlowOptions(**{"steps": 3, "mode": "streaming", **own})
    flow, prompt, ids = models().flow, golden_prompt("long"), turn_of(count)
    mels, _ = chunked(prompt, read(prompt, options), ids, options)
    expected = expected_mel(flow, prompt, ids, [len(mel) // 2 for mel in mels], options)
    assert relative_rms(torch.cat(mels), expected) < 1e-5


def test_a_prompt_is_solved_once_for_all_turns() -> None:
    prompt = golden_prompt("short")
    state = read(prompt)
    first, _ = chunked(prompt, state, turn_of(30))
    chunked(prompt, state, turn_of(50))
    for kept in (state, read(prompt)):
        again, _ = chunked(prompt, kept, turn_of(30))
        assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))


def test_a_prompt_no_longer_than_the_look_ahead_begins_with_the_turn() -> None:
    golden = golden_prompt("short")
    prompt = PromptFeatures(golden.speech_tokens[:2], golden.mel[:4], golden.speaker_embedding)
    assert read(prompt).memory_bytes == 0
    mels, state = chunked(prompt, read(prompt), turn_of(30))
    assert sum(map(len, mels)) == 60
    assert state.tokens == 32


def test_a_sequence_stays_with_what_began_it(engine: str) -> None:
    """Whatever else computes sequences that begin now."""
    flow, prompt = models().flow, golden_prompt("short")
    state = read(prompt)
    expected, _ = chunked(prompt, state, turn_of(30))
    flow.compiled = engine == "torch"
    found, _ = chunked(prompt, state, turn_of(30))
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


def test_a_turn_adds_its_own_frames_to_the_memory_of_its_prompt() -> None:
    prompt = golden_prompt("short")
    state = read(prompt)
    _, longer = chunked(prompt, state, turn_of(state.tokens))
    assert 1.9 < longer.memory_bytes / state.memory_bytes < 2.4
    assert longer.tokens == state.tokens + models().flow.lookahead + state.tokens


@pytest.mark.usefixtures("native_bfloat16")
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_a_lower_precision_is_near_and_float32_can_take_over(precision: Any) -> None:
    low = FlowOptions(steps=3, mode="streaming", precision=precision)
    prompt, ids = golden_prompt("long"), turn_of(40)
    exact = torch.cat(chunked(prompt, read(prompt), ids)[0])
    state = read(prompt, low)
    for options in (low, OPTIONS):
        mel = torch.cat(chunked(prompt, state, ids, options)[0])
        assert 0 < relative_rms(mel, exact) < 0.02


def test_a_cancelled_chunk_ends_before_its_first_evaluation() -> None:
    prompt, cancellation = golden_prompt("short"), Cancellation()
    state = read(prompt)
    cancellation.cancel()
    with cancelled_by(cancellation), pytest.raises(Cancelled):
        chunked(prompt, state, turn_of(5))


def test_tokens_outside_the_vocabulary_are_refused() -> None:
    prompt = golden_prompt("short")
    with pytest.raises(InputError, match="outside the flow's 0 to 6560"):
        chunked(prompt, read(prompt), [6561])


def test_whole_turns_are_refused_in_this_mode() -> None:
    prompt = golden_prompt("short")
    with pytest.raises(UsageError, match="cannot be solved in the flow's mode streaming"):
        models().flow.decode([torch.tensor([1])], [prompt], [normal(4, 1)], OPTIONS)
