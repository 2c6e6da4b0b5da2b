"""A flow that keeps its state: turns that come in chunks, and prompts that are solved only once.

A turn is solved behind its prompt, chunk by chunk. In every layer, each evaluation of the solver
keeps what later frames need: keys, values, and the last inputs of causal convolutions. So a chunk
costs the work of its own frames, and its result is that of one solution in which every frame sees
its own chunk and all before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from podtts.device.cpu_cores import all_cores
from podtts.flow.decode import Flow
from podtts.flow.keeping_field import KeepingField, Kept
from podtts.flow.solver import cosine_grid, solve
from podtts.nn.carried import Carried, States, state_bytes
from podtts.options import FlowOptions
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN
from podtts.values import PromptFeatures


@dataclass(frozen=True, eq=False)
class FlowState:
    """What the flow keeps of a sequence so far. It is never changed: turns share a prompt's."""

    tokens: int  # of the sequence so far
    speaker: Tensor  # float32 [1, 80], the projected embedding
    encoder: States | None  # None: the sequence begins
    evaluations: tuple[Kept, ...] | None  # of the solver, in order

    @property
    def memory_bytes(self) -> int:
        """The memory of all that is kept."""
        evaluations = sum(kept.memory_bytes for kept in self.evaluations or ())
        return state_bytes(self.encoder or ()) + evaluations


@torch.inference_mode()
def read_prompt(
    flow: Flow, prompt: PromptFeatures, noise: Tensor, options: FlowOptions
) -> tuple[Tensor, FlowState]:
    """Solve a prompt by itself in one block, without its last tokens, see `prompt_end`.

    noise:   float32 [2*T, 80] for the T tokens of the prompt, standard normal.
    returns: the mel of what is solved, and the state behind it, at which turns begin.
    Raises InputError for tokens outside the vocabulary.
    """
    embedding = prompt.speaker_embedding[None].to(flow.device)
    speaker = flow.speaker_projection(F.normalize(embedding, dim=1))
    beginning = FlowState(0, speaker, None, None)
    end = prompt_end(flow, prompt)
    if not end:
        return noise[:0], beginning
    ids, frames = prompt.speech_tokens.tolist(), end * MEL_FRAMES_PER_TOKEN
    part = FlowPart(ids[:end], ids[end:], noise[:frames], prompt.mel[:frames])
    return extend(flow, beginning, part, options)


def prompt_end(flow: Flow, prompt: PromptFeatures) -> int:
    """How many tokens of a prompt are solved by themselves.

    The encoder looks ahead from the last ones to the turn, so they belong to its first chunk. With
    zeros in place of the turn, its first second is twice as far from that of the mode full
    (docs/streaming.md).
    """
    return max(0, len(prompt.speech_tokens) - flow.lookahead)


@dataclass(frozen=True, eq=False)
class FlowPart:
    """The next part of a sequence.

    ids:       its T tokens.
    following: the tokens behind it that the encoder looks ahead to; fewer at the end.
    noise:     float32 [2*T, 80], standard normal.
    condition: float32 [2*T, 80], the mel of a prompt; zeros for a turn.
    """

    ids: Sequence[int]
    following: Sequence[int]
    noise: Tensor
    condition: Tensor

    def __post_init__(self) -> None:
        frames = MEL_FRAMES_PER_TOKEN * len(self.ids)
        assert self.noise.shape == self.condition.shape == (frames, MEL_BINS)


@torch.inference_mode()
def extend(
    flow: Flow, state: FlowState, part: FlowPart, options: FlowOptions
) -> tuple[Tensor, FlowState]:
    """Solve the next part of a sequence.

    options: those of the state; the precision may be float32 where the state's was another.
    returns: float32 [2*T, 80], natural-log mel, and the state behind this part.
    Raises InputError for tokens outside the vocabulary, Cancelled within an evaluation.
    """
    mu, encoder = _encode(flow, state, part, options)
    speaker = state.speaker[:, None].expand_as(mu)
    condition = part.condition[None].to(mu)
    conditions = torch.cat((mu, speaker, condition), dim=2).transpose(1, 2)
    last = not part.following
    field = KeepingField(flow, state.evaluations, options, last=last)
    x = solve(
        options.solver,
        flow.velocity(field, conditions, None, 0, options),
        part.noise[None].to(mu).transpose(1, 2),
        cosine_grid(options.steps),
    )
    tokens = state.tokens + len(part.ids)
    return x[0].T, replace(state, tokens=tokens, encoder=encoder, evaluations=tuple(field.after))


def _encode(
    flow: Flow, state: FlowState, part: FlowPart, options: FlowOptions
) -> tuple[Tensor, States]:
    """Expected mel [1, 2*T, 80] of a part, and what the encoder keeps."""
    seen = torch.tensor([*part.ids, *part.following], dtype=torch.int64)
    flow.check_range([seen])
    carried = Carried(state.encoder)
    encoder = flow.encoder_in(options.precision)
    with all_cores(flow.device):
        x = flow.token_embedding(seen[None].to(flow.device))
        x = x.to(encoder.norm.weight.dtype)
        x = encoder.extend(x, len(part.ids), state.tokens, carried).float()
        mu: Tensor = flow.mu_projection(x)
    return mu, carried.after
