"""Renders a turn chunk by chunk: flow and vocoder go on where they ended.

Streams and files go through the same calls with the same shapes, so their samples are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from podtts.device.cancellation import raise_if_cancelled
from podtts.device.stopwatch import Stopwatch
from podtts.engine.checks import is_finite
from podtts.engine.render import Rendered, RenderJob, end_of_prompt
from podtts.engine.rng import stage_rng
from podtts.flow.chunks import Chunk, ChunkQueue
from podtts.flow.prompt_states import PromptStates
from podtts.flow.streaming import FlowPart, FlowState, extend, prompt_end, read_prompt
from podtts.llm.decoder import NotFiniteError
from podtts.options import Precision
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN, MEL_HOP
from podtts.vocoder import streaming as vocoder_streaming
from podtts.vocoder.streaming import VocoderState
from podtts.weights.load import Models

S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class RenderedChunk:
    """Samples that a chunk completed, float32 [S] on the CPU, and the seconds of its work."""

    samples: Tensor
    flow_seconds: float
    vocoder_seconds: float
    widened: tuple[str, ...]  # parts that run in float32 from this chunk or an earlier one on
    is_last: bool


class StreamedTurn:
    """A turn that is rendered in chunks, which come in order. One thread at a time calls it.

    states: keeps the states behind prompts.
    job:    its tokens are not used: `render` gets them.
    """

    def __init__(self, models: Models, states: PromptStates, job: RenderJob) -> None:
        self._models, self._states = models, states
        self._prompt = end_of_prompt(job.prompt.features, job.options.prompt_seconds)
        self._options = job.options
        self._flow_precision = self._vocoder_precision = job.options.precision
        self._flow: FlowState | None = None  # None: the prompt is not solved yet
        self._vocoder = VocoderState()
        self._flow_rng = stage_rng(job.seed, job.draws, "flow")
        self._vocoder_rng = stage_rng(job.seed, job.draws, "vocoder")

    def render(self, chunk: Chunk) -> RenderedChunk:
        """Render the next chunk. Raises NotFiniteError, Cancelled."""
        flow, vocoder = Stopwatch(self._models.device), Stopwatch(self._models.device)
        with flow:
            mel = self._mel(chunk)
        raise_if_cancelled()
        with vocoder:
            samples = self._samples(mel, last=chunk.is_last).cpu()
        parts = (("flow", self._flow_precision), ("vocoder", self._vocoder_precision))
        widened = tuple(part for part, now in parts if now != self._options.precision)
        return RenderedChunk(samples, flow.seconds, vocoder.seconds, widened, chunk.is_last)

    def _mel(self, chunk: Chunk) -> Tensor:
        part = self._part(chunk)
        if self._flow is None:
            self._flow, self._flow_precision = self._prompt_state()
            part = self._behind_prompt(part)
        state = self._flow

        def solve(precision: Precision) -> tuple[Tensor, FlowState]:
            options = replace(self._options, precision=precision)
            return extend(self._models.flow, state, part, options)

        mel, self._flow, self._flow_precision = _finite(solve, self._flow_precision, "flow's mel")
        return mel[len(part.noise) - MEL_FRAMES_PER_TOKEN * len(chunk.ids) :]

    def _part(self, chunk: Chunk) -> FlowPart:
        frames = MEL_FRAMES_PER_TOKEN * len(chunk.ids)
        noise = torch.randn(frames, MEL_BINS, generator=self._flow_rng) * self._models.flow_noise
        return FlowPart(chunk.ids, chunk.following, noise, torch.zeros_like(noise))

    def _behind_prompt(self, part: FlowPart) -> FlowPart:
        """The first chunk of a turn, and the tokens in front of it that look ahead to it."""
        prompt, end = self._prompt, prompt_end(self._models.flow, self._prompt)
        frames = end * MEL_FRAMES_PER_TOKEN
        return FlowPart(
            [*prompt.speech_tokens[end:].tolist(), *part.ids],
            part.following,
            torch.cat((self._prompt_noise()[frames:], part.noise)),
            torch.cat((prompt.mel[frames:], part.condition)),
        )

    def _prompt_noise(self) -> Tensor:
        """The same for all turns, so that they share the state."""
        rng = stage_rng(0, "prompt", "flow")
        return torch.randn(len(self._prompt.mel), MEL_BINS, generator=rng) * self._models.flow_noise

    def _samples(self, mel: Tensor, *, last: bool) -> Tensor:
        state, vocoder = self._vocoder, self._models.vocoder
        # In the order of time, so that the numbers of a sample do not depend on the chunks.
        numbers = torch.randn(len(mel) * MEL_HOP, vocoder.config.waves, generator=self._vocoder_rng)

        def render(precision: Precision) -> tuple[Tensor, VocoderState]:
            return vocoder_streaming.extend(vocoder, state, mel, numbers.T, precision, last=last)

        samples, self._vocoder, self._vocoder_precision = _finite(
            render, self._vocoder_precision, "vocoder's wave"
        )
        return samples

    def _prompt_state(self) -> tuple[FlowState, Precision]:
        """The state behind the prompt, and the precision that it is finite in."""
        flow, prompt = self._models.flow, self._prompt
        noise = self._prompt_noise()

        def solve(precision: Precision) -> tuple[Tensor, FlowState]:
            return read_prompt(flow, prompt, noise, replace(self._options, precision=precision))

        def compute() -> tuple[FlowState, Precision]:
            _, state, precision = _finite(solve, self._options.precision, "flow's prompt")
            return state, precision

        return self._states.get(prompt, self._options, compute)


def render_in_chunks(
    models: Models, states: PromptStates, job: RenderJob
) -> Rendered | NotFiniteError:
    """Render a whole turn in the chunks of a stream."""
    turn, chunks = StreamedTurn(models, states, job), ChunkQueue(models.flow.lookahead)
    chunks.add(job.tokens.ids)
    chunks.end()
    parts: list[RenderedChunk] = []
    while (chunk := chunks.next()) is not None:
        try:
            parts.append(turn.render(chunk))
        except NotFiniteError as error:
            return error
    return Rendered(
        torch.cat([torch.zeros(0), *(part.samples for part in parts)]),
        sum(part.flow_seconds for part in parts),
        sum(part.vocoder_seconds for part in parts),
        parts[-1].widened if parts else (),
    )


def _finite(
    compute: Callable[[Precision], tuple[Tensor, S]], precision: Precision, what: str
) -> tuple[Tensor, S, Precision]:
    """What is computed, in float32 where fewer bits are not finite; and in which precision."""
    result, state = compute(precision)
    if is_finite(result):
        return result, state, precision
    if precision != "float32":
        return _finite(compute, "float32", what)
    raise NotFiniteError(f"the {what}")
