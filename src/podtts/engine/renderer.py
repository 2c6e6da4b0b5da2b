"""From speech tokens to sound: flow and vocoder, for turns of any number together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from podtts.device.cancellation import raise_if_cancelled
from podtts.device.cpu_cores import all_cores
from podtts.device.stopwatch import Stopwatch
from podtts.engine.checks import is_finite
from podtts.engine.rng import stage_rng
from podtts.flow.decode import noise_frames
from podtts.llm.generate import NotFiniteError
from podtts.options import FlowOptions
from podtts.rates import MEL_BINS, MEL_FRAMES_PER_TOKEN, MEL_HOP, TOKENS_PER_SECOND
from podtts.values import PromptFeatures, SpeakerPrompt, SpeechTokens
from podtts.weights.load import Models


@dataclass(frozen=True, eq=False)
class Render:
    """A turn to be made audible."""

    tokens: SpeechTokens
    prompt: SpeakerPrompt
    options: FlowOptions
    seed: int
    draws: int | str  # number or `attempt_name` of the turn, which names its noise


@dataclass(frozen=True, eq=False)
class Rendered:
    """A turn's wave, float32 [S] on the CPU, and its share of the seconds of work."""

    wave: Tensor
    flow_seconds: float
    vocoder_seconds: float
    widened: tuple[str, ...] = ()  # parts not finite in their precision, so they ran in float32


def render(models: Models, turns: Sequence[Render]) -> list[Rendered | NotFiniteError]:
    """Make turns of the same options audible; NotFiniteError in the place of one that fails."""
    flow, vocoder = Stopwatch(models.device), Stopwatch(models.device)
    with flow:
        mels, wide_mels = finite_mels(models, turns)
    sound = [number for number, mel in enumerate(mels) if is_finite(mel)]
    heard, their_mels = [turns[number] for number in sound], [mels[number] for number in sound]
    with vocoder:
        waves, wide_waves = finite_waves(models, heard, their_mels)
    done: list[Rendered | NotFiniteError] = [NotFiniteError("the flow's mel") for _ in turns]
    frames = sum(map(len, mels))
    for place, (number, wave) in enumerate(zip(sound, waves, strict=True)):
        share = len(mels[number]) / max(1, frames)
        widened = ("flow",) * (number in wide_mels) + ("vocoder",) * (place in wide_waves)
        done[number] = (
            Rendered(wave, share * flow.seconds, share * vocoder.seconds, widened)
            if is_finite(wave)
            else NotFiniteError("the vocoder's wave")
        )
    return done


def finite_mels(models: Models, turns: Sequence[Render]) -> tuple[list[Tensor], frozenset[int]]:
    """`mels_of`, with float32 for turns not finite in fewer bits; and these turns' numbers."""
    return _finite(turns, lambda some, _: mels_of(models, some))


def finite_waves(
    models: Models, turns: Sequence[Render], mels: Sequence[Tensor]
) -> tuple[list[Tensor], frozenset[int]]:
    """`waves_of`, with float32 for turns not finite in fewer bits; and these turns' numbers."""
    return _finite(
        turns, lambda some, numbers: waves_of(models, some, [mels[one] for one in numbers])
    )


def _finite(
    turns: Sequence[Render], make: Callable[[Sequence[Render], Sequence[int]], list[Tensor]]
) -> tuple[list[Tensor], frozenset[int]]:
    """What is made of turns, with float32 for those not finite in fewer bits; and their numbers."""
    made = make(turns, range(len(turns)))
    bad = [number for number, one in enumerate(made) if not is_finite(one)]
    if not bad or turns[0].options.precision == "float32":
        return made, frozenset()
    wide = replace(turns[0].options, precision="float32")
    again = make([replace(turns[number], options=wide) for number in bad], bad)
    for number, one in zip(bad, again, strict=True):
        made[number] = one
    return made, frozenset(bad)


def mels_of(models: Models, turns: Sequence[Render]) -> list[Tensor]:
    """Mel of every turn, float32 [2*T, 80]; all turns have the options of the first."""
    heard, noise = [], []
    for turn in turns:
        features = _end_of(turn.prompt.features, turn.options.prompt_seconds)
        heard.append(features)
        frames = noise_frames(features, len(turn.tokens.ids))
        drawn = torch.randn(frames, MEL_BINS, generator=stage_rng(turn.seed, turn.draws, "flow"))
        noise.append(drawn * models.flow_noise)
    return models.flow.decode(
        [torch.tensor(turn.tokens.ids, dtype=torch.int64) for turn in turns],
        heard,
        noise,
        turns[0].options,
    )


def waves_of(models: Models, turns: Sequence[Render], mels: Sequence[Tensor]) -> list[Tensor]:
    """Waveform of every turn, float32 [480*F] on the CPU, for their mels; options as for these."""
    sines = models.vocoder.config.waves
    noise = [
        torch.randn(
            sines, len(mel) * MEL_HOP, generator=stage_rng(turn.seed, turn.draws, "vocoder")
        )
        for turn, mel in zip(turns, mels, strict=True)
    ]
    if not mels:
        return []
    raise_if_cancelled()
    with all_cores(models.device):
        waves = models.vocoder.render(mels, noise, turns[0].options.precision)
    return [wave.cpu() for wave in waves]


def _end_of(features: PromptFeatures, seconds: float | None) -> PromptFeatures:
    if seconds is None:
        return features
    tokens = max(1, round(seconds * TOKENS_PER_SECOND))
    return replace(
        features,
        speech_tokens=features.speech_tokens[-tokens:],
        mel=features.mel[-tokens * MEL_FRAMES_PER_TOKEN :],
    )
