"""Mels of turns that come in chunks behind golden prompts."""

from collections.abc import Sequence

import torch
from support.golden_data import models, tensors
from torch import Tensor

from podtts.flow.chunks import ChunkQueue
from podtts.flow.decode import Flow
from podtts.flow.streaming import FlowPart, FlowState, extend, prompt_end, read_prompt
from podtts.options import FlowOptions
from podtts.values import PromptFeatures

OPTIONS = FlowOptions(steps=3, mode="streaming")


def golden_prompt(name: str) -> PromptFeatures:
    golden = tensors("flow")
    count = int(golden[f"{name}.prompt_tokens"])
    return PromptFeatures(
        golden[f"{name}.tokens"][:count],
        golden[f"{name}.prompt_mel"],
        golden[f"{name}.speaker_embedding"],
    )


def normal(frames: int, seed: int) -> Tensor:
    return torch.randn(frames, 80, generator=torch.Generator().manual_seed(seed))


def turn_of(count: int) -> list[int]:
    rng = torch.Generator().manual_seed(count)
    return torch.randint(0, 6561, (count,), generator=rng).tolist()


def chunked(
    prompt: PromptFeatures,
    state: FlowState,
    ids: Sequence[int],
    options: FlowOptions = OPTIONS,
    flow: Flow | None = None,
) -> tuple[list[Tensor], FlowState]:
    """The mel of every chunk of a turn behind a prompt, and the state behind the turn."""
    flow = flow or models().flow
    queue = ChunkQueue(flow.lookahead)
    queue.add(ids)
    queue.end()
    end = prompt_end(flow, prompt)
    front = prompt.speech_tokens[end:].tolist()
    noise = torch.cat((normal(len(prompt.mel), 1)[2 * end :], normal(2 * len(ids), 2)))
    condition = torch.cat((prompt.mel[2 * end :], torch.zeros(2 * len(ids), 80)))
    mels: list[Tensor] = []
    while chunk := queue.next():
        tokens = [*front, *chunk.ids] if not mels else chunk.ids
        frames = 2 * len(tokens)
        part = FlowPart(tokens, chunk.following, noise[:frames], condition[:frames])
        noise, condition = noise[frames:], condition[frames:]
        mel, state = extend(flow, state, part, options)
        mels.append(mel[-2 * len(chunk.ids) :])
    return mels, state


def read(
    prompt: PromptFeatures, options: FlowOptions = OPTIONS, flow: Flow | None = None
) -> FlowState:
    return read_prompt(flow or models().flow, prompt, normal(len(prompt.mel), 1), options)[1]
