"""A fingerprint for tests of journals: every key that podtts knows, with any value."""

from typing import Any

import torch

from podtts.episode.fingerprint import run_fingerprint
from podtts.episode.fingerprint_schema import NUMERICS
from podtts.options import SynthesisOptions
from podtts.values import PromptFeatures, SpeakerPrompt

CHECKPOINT: dict[str, Any] = {
    "numerics": NUMERICS,
    "torch": "2.0",
    "onnxruntime": None,
    "checkpoint": "c" * 64,
    "kernels": {"llm": "compiled code avx512 1", "flow": "torch", "vocoder": "torch"},
    "device": "cpu",
    "processor": "AVX512, native bfloat16",
    "dtype": "float32",
    "quantize": "none",
    "threads": 2,
    "recognizer": None,
    "recognizer_version": None,
    "recognizer_settings": None,
}


def prompt(name: str) -> SpeakerPrompt:
    """A speaker whose features are all zero."""
    tokens = torch.zeros(4, dtype=torch.int32)
    features = PromptFeatures(tokens, torch.zeros(8, 80), torch.zeros(192))
    return SpeakerPrompt(name, features, f"I am {name}.")


def fingerprint(options: SynthesisOptions | None = None, **checkpoint: Any) -> dict[str, Any]:
    """The fingerprint of a run with two speakers; checkpoint: values in place of CHECKPOINT's."""
    speakers = [prompt("anna"), prompt("ben")]
    return run_fingerprint(CHECKPOINT | checkpoint, options or SynthesisOptions(), speakers)
