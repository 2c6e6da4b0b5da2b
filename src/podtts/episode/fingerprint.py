"""What decides a run's bits besides the texts of its turns: the journal records it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from podtts.device.placement import (
    TORCH,
    Placement,
    flow_kernel,
    llm_kernel,
    onnxruntime_of_layers,
    processor,
    vocoder_kernel,
)
from podtts.ears.installation import library_versions
from podtts.ears.whisper import SETTINGS
from podtts.episode.fingerprint_schema import NUMERICS
from podtts.flow.chunks import STREAMING_VERSION
from podtts.options import SynthesisOptions
from podtts.values import SpeakerPrompt
from podtts.weights.digest import checkpoint_digest, recognizer_digest


def checkpoint_fingerprint(
    directory: Path, placement: Placement, root: Path, recognizer: Path | None = None
) -> dict[str, Any]:
    """The part of a fingerprint that follows from a checkpoint, a recognizer and where they run.

    root: of the cache, which holds the digests of files. recognizer: see `recognizer_fingerprint`.
    returns: JSON values, by the names of `podtts.episode.fingerprint_schema.KEYS`. Differences are
             named in this order.
    """
    return {
        "numerics": NUMERICS,
        "kernels": {
            "llm": llm_kernel(placement),
            "flow": flow_kernel(placement),
            "vocoder": vocoder_kernel(placement),
        },
        "torch": torch.__version__,
        "onnxruntime": onnxruntime_of_layers(placement.device, placement.quantize),
        "checkpoint": checkpoint_digest(directory, root / "digests"),
        "device": placement.device.type,
        "processor": processor(placement.device),
        "dtype": placement.dtype_name,
        "quantize": placement.quantize,
        "threads": torch.get_num_threads(),
        **recognizer_fingerprint(recognizer, root),
    }


def recognizer_fingerprint(recognizer: Path | None, root: Path) -> dict[str, Any]:
    """The part of a fingerprint that follows from the folder of a recognizer; None: nobody listens.

    root: as for `checkpoint_fingerprint`. Raises ModelError.
    """
    if recognizer is None:
        return dict.fromkeys(("recognizer", "recognizer_version", "recognizer_settings"))
    return {
        "recognizer": recognizer_digest(recognizer, root / "digests"),
        "recognizer_version": library_versions(),
        "recognizer_settings": SETTINGS,
    }


def run_fingerprint(
    checkpoint: Mapping[str, Any], options: SynthesisOptions, prompts: Sequence[SpeakerPrompt]
) -> dict[str, Any]:
    """The fingerprint of a run, as JSON values.

    checkpoint: see `checkpoint_fingerprint`.
    """
    values = asdict(options)
    del values["limit_turns"]  # how far a run goes changes no turn
    streams = options.flow.mode == "streaming"
    values["flow"]["streaming"] = STREAMING_VERSION if streams else None
    kernel = checkpoint.get("kernels", {}).get("flow", TORCH)
    values["flow"]["streaming_kernel"] = kernel if streams and kernel != TORCH else None
    return {
        **checkpoint,
        "speakers": [speaker_fingerprint(prompt) for prompt in prompts],
        **values,
    }


def speaker_fingerprint(prompt: SpeakerPrompt) -> dict[str, str]:
    """The part of a fingerprint that follows from a speaker's prompt, as JSON values."""
    features = prompt.features
    digest = hashlib.sha256()
    for tensor in (features.speech_tokens, features.mel, features.speaker_embedding):
        digest.update(tensor.contiguous().numpy().tobytes())
    return {
        "features": digest.hexdigest(),
        "transcript": prompt.transcript,
        "dialect_prompt": prompt.dialect_prompt,
    }
