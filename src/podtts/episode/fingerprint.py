"""What determines how an episode sounds, besides its turns' texts: kept with what was spoken."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import podtts
from podtts.device.placement import Placement
from podtts.options import SynthesisOptions
from podtts.values import SpeakerPrompt
from podtts.weights.digest import checkpoint_digest


def checkpoint_fingerprint(directory: Path, placement: Placement, root: Path) -> dict[str, Any]:
    """A checkpoint and where it runs, as JSON values. root: of the cache, for known digests."""
    return {
        "podtts": podtts.__version__,
        "torch": torch.__version__,
        "checkpoint": checkpoint_digest(directory, root / "digests"),
        "device": placement.device.type,
        "dtype": placement.dtype_name,
        "quantize": placement.quantize,
        "threads": torch.get_num_threads(),
    }


def run_fingerprint(
    where: Mapping[str, Any], options: SynthesisOptions, prompts: Sequence[SpeakerPrompt]
) -> dict[str, Any]:
    """What `where` (see `checkpoint_fingerprint`), options and voices determine, as JSON values."""
    chosen = asdict(options)
    del chosen["limit_turns"]  # how far a run goes changes no turn
    return {**where, "speakers": [speaker_fingerprint(prompt) for prompt in prompts], **chosen}


def speaker_fingerprint(prompt: SpeakerPrompt) -> dict[str, str]:
    """What of a voice determines how it sounds, as JSON values."""
    features = prompt.features
    digest = hashlib.sha256()
    for tensor in (features.speech_tokens, features.mel, features.speaker_embedding):
        digest.update(tensor.contiguous().numpy().tobytes())
    return {
        "features": digest.hexdigest(),
        "transcript": prompt.transcript,
        "dialect_prompt": prompt.dialect_prompt,
    }
