"""Golden numbers of the published code (see tests/golden/README.md) and a measure of distance."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from podtts.device.placement import place
from podtts.values import PromptFeatures, SpeakerPrompt
from podtts.weights.load import Models, load_models

GOLDEN = Path(__file__).parents[1] / "golden"
MODEL = GOLDEN / "model"


def relative_rms(value: Tensor, reference: Tensor) -> float:
    """Root mean square of the difference, divided by that of the reference."""
    assert value.shape == reference.shape, f"{value.shape} is not {reference.shape}"
    difference = (value.double() - reference.double()).square().mean().sqrt()
    return float(difference / reference.double().square().mean().sqrt())


@cache
def tensors(name: str) -> dict[str, Tensor]:
    """Tensors of tests/golden/NAME.safetensors."""
    return load_file(GOLDEN / f"{name}.safetensors")


@cache
def trace(name: str) -> dict[str, Any]:
    """The long-form trace `plain` or `dialect`."""
    loaded: dict[str, Any] = json.loads((GOLDEN / f"longform_{name}.json").read_text())
    return loaded


@cache
def models() -> Models:
    """The small checkpoint in float32 on the CPU."""
    return load_models(MODEL, place("cpu", "float32"))


def golden_prompt(recording: str, transcript: str = "", dialect: str = "") -> SpeakerPrompt:
    """A speaker prompt of golden features, cut to the same length of tokens and mel."""
    golden = tensors(f"prompt_{recording}")
    count = min(len(golden["speech_tokens"]), len(golden["mel_24k"]) // 2)
    features = PromptFeatures(
        golden["speech_tokens"][:count],
        golden["mel_24k"][: 2 * count],
        golden["speaker_embedding"],
    )
    return SpeakerPrompt(recording, features, transcript, dialect)


def trace_prompts(name: str) -> list[SpeakerPrompt]:
    """The speakers of a long-form trace."""
    golden = trace(name)
    dialects = golden["dialect_prompt"] or [""] * len(golden["prompt_audio"])
    return [
        golden_prompt(*prompt)
        for prompt in zip(golden["prompt_audio"], golden["prompt_text"], dialects, strict=True)
    ]


def silent_generator() -> torch.Generator:
    """A generator for calls that must not depend on its numbers."""
    return torch.Generator().manual_seed(0)
