"""From speech tokens to waves: flow and vocoder, for a group of whole turns."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from podtts.device.cancellation import raise_if_cancelled
from podtts.device.stopwatch import Stopwatch
from podtts.engine.checks import is_finite
from podtts.engine.rng import stage_rng
from podtts.flow.decode import noise_frames
from podtts.llm.decoder import NotFiniteError
from podtts.options import FlowOptions
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN, MEL_HOP, TOKENS_PER_SECOND
from podtts.values import PromptFeatures, SpeakerPrompt, SpeechTokens
from podtts.weights.load import Models


@dataclass(frozen=True, eq=False)
class RenderJob:
    """A turn to be rendered."""

    tokens: SpeechTokens
    prompt: SpeakerPrompt
    options: FlowOptions
    seed: int
    draws: int | str  # index or `attempt_name` of the turn, which names its noise


@dataclass(frozen=True, eq=False)
class Rendered:
    """A turn's wave, float32 [S] on the CPU, and its share of the seconds of work."""

    wave: Tensor
    flow_seconds: float
    vocoder_seconds: float
    widened: tuple[str, ...] = ()  # parts not finite in their precision, so they ran in float32


def render(models: Models, turns: Sequence[RenderJob]) -> list[Rendered | NotFiniteError]:
    """Render turns of the same options; NotFiniteError in the place of a turn that fails.

    The mode of the flow is full; for the other see `podtts.engine.streamed_turn`.
    """
    flow, vocoder = Stopwatch(models.device), Stopwatch(models.device)
    with flow:
        mels, wide_mels = finite_mels(models, turns)
    finite = [number for number, mel in enumerate(mels) if is_finite(mel)]
    rest, rest_mels = [turns[number] for number in finite], [mels[number] for number in finite]
    with vocoder:
        waves, wide_waves = finite_waves(models, rest, rest_mels)
    results: list[Rendered | NotFiniteError] = [NotFiniteError("the flow's mel") for _ in turns]
    frames = sum(map(len, mels))
    for rank, (number, wave) in enumerate(zip(finite, waves, strict=True)):
        share = len(mels[number]) / max(1, frames)
        widened = ("flow",) * (number in wide_mels) + ("vocoder",) * (rank in wide_waves)
        results[number] = (
            Rendered(wave, share * flow.seconds, share * vocoder.seconds, widened)
            if is_finite(wave)
            else NotFiniteError("the vocoder's wave")
        )
    return results


def finite_mels(models: Models, turns: Sequence[RenderJob]) -> tuple[list[Tensor], frozenset[int]]:
    """`mels_of`, with float32 for turns not finite in fewer bits; and these turns' numbers."""
    return _finite(turns, lambda group, _: mels_of(models, group))


def finite_waves(
    models: Models, turns: Sequence[RenderJob], mels: Sequence[Tensor]
) -> tuple[list[Tensor], frozenset[int]]:
    """`waves_of`, with float32 for turns not finite in fewer bits; and these turns' numbers."""
    return _finite(
        turns, lambda group, numbers: waves_of(models, group, [mels[number] for number in numbers])
    )


def _finite(
    turns: Sequence[RenderJob],
    compute: Callable[[Sequence[RenderJob], Sequence[int]], list[Tensor]],
) -> tuple[list[Tensor], frozenset[int]]:
    """A tensor per turn, in float32 where fewer bits are not finite; and these turns' numbers."""
    tensors = compute(turns, range(len(turns)))
    bad = [number for number, tensor in enumerate(tensors) if not is_finite(tensor)]
    if not bad or turns[0].options.precision == "float32":
        return tensors, frozenset()
    wide = replace(turns[0].options, precision="float32")
    again = compute([replace(turns[number], options=wide) for number in bad], bad)
    for number, tensor in zip(bad, again, strict=True):
        tensors[number] = tensor
    return tensors, frozenset(bad)


def mels_of(models: Models, turns: Sequence[RenderJob]) -> list[Tensor]:
    """Mel of every turn, float32 [2*T, 80]; all turns have the options of the first."""
    prompts, noise = [], []
    for turn in turns:
        features = end_of_prompt(turn.prompt.features, turn.options.prompt_seconds)
        prompts.append(features)
        frames = noise_frames(features, len(turn.tokens.ids))
        normal = torch.randn(frames, MEL_BINS, generator=stage_rng(turn.seed, turn.draws, "flow"))
        noise.append(normal * models.flow_noise)
    return models.flow.decode(
        [torch.tensor(turn.tokens.ids, dtype=torch.int64) for turn in turns],
        prompts,
        noise,
        turns[0].options,
    )


def waves_of(models: Models, turns: Sequence[RenderJob], mels: Sequence[Tensor]) -> list[Tensor]:
    """Waveform of every turn, float32 [480*F] on the CPU, for their mels; options as for these."""
    if not mels:
        return []
    sines = models.vocoder.config.waves

    def draw(turn: RenderJob, mel: Tensor) -> Tensor:
        rng = stage_rng(turn.seed, turn.draws, "vocoder")
        return torch.randn(sines, len(mel) * MEL_HOP, generator=rng)

    if models.device.type != "cpu":  # numbers are drawn on the host, which would take longest
        with ThreadPoolExecutor(min(len(turns), os.cpu_count() or 1)) as threads:
            noise = list(threads.map(draw, turns, mels))
    else:  # without threads: one that begins without memory dies silently, and its starter waits
        noise = list(map(draw, turns, mels))
    raise_if_cancelled()
    waves = models.vocoder.render(mels, noise, turns[0].options.precision)
    return [wave.cpu() for wave in waves]


def end_of_prompt(features: PromptFeatures, seconds: float | None) -> PromptFeatures:
    """The last seconds of a prompt, see `FlowOptions.prompt_seconds`."""
    if seconds is None:
        return features
    tokens = max(1, round(seconds * TOKENS_PER_SECOND))
    return replace(
        features,
        speech_tokens=features.speech_tokens[-tokens:],
        mel=features.mel[-tokens * MEL_FRAMES_PER_TOKEN :],
    )
