"""An entry of the prompt cache: its key, its file name, its bytes and their validation.

Does not import torch, so that commands that only read the cache start quickly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

import podtts
from podtts.rates import (
    MAX_PROMPT_SECONDS,
    MEL_BINS,
    MEL_FRAMES_PER_TOKEN,
    SPEAKER_EMBEDDING_SIZE,
    TOKENS_PER_SECOND,
)
from podtts.storage.sealed import Array, SealError, seal, unseal
from podtts.values import PromptFeatures

RECIPE_VERSION = 1  # increase it when extract.py computes other tensors, to compute prompts again

# The ending belongs to the format: increase both when older entries cannot be read any more
# (".v2.safetensors"). Then two versions of podtts in one folder ignore each other's files.
_FORMAT = "podtts-prompt-1"
_ENDING = ".safetensors"

_STEM = r"[0-9a-f]{16}-[0-9a-f]{8}-r[0-9]+"
_NAME = re.compile(_STEM + re.escape(_ENDING))
_NAME_OF_ANY_VERSION = re.compile(_STEM + r"(\.v[0-9]+)?\.safetensors")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RECIPE = re.compile(r"0|[1-9][0-9]{0,5}")

LONGEST_ENTRY_BYTES = 2**22  # 30 s are 0.5 MB
_MAX_TOKENS = round(MAX_PROMPT_SECONDS * TOKENS_PER_SECOND)


@dataclass(frozen=True)
class PromptKey:
    """Everything a prompt's tensors depend on."""

    audio_sha256: str  # of the file of the recording, hexadecimal
    encoders_sha256: str  # PromptEncoders.digest
    recipe: int  # RECIPE_VERSION of the computation

    def filename(self) -> str:
        """Return the file name of the entry, with a short form of the key to be readable."""
        return f"{self.audio_sha256[:16]}-{self.encoders_sha256[:8]}-r{self.recipe}{_ENDING}"


def is_entry_name(name: str) -> bool:
    """Return whether the name is that of an entry in this version's format."""
    return _NAME.fullmatch(name) is not None


def is_any_entry_name(name: str) -> bool:
    """Return whether the name is that of an entry in this or another version's format."""
    return _NAME_OF_ANY_VERSION.fullmatch(name) is not None


def to_bytes(key: PromptKey, tensors: Mapping[str, Array]) -> bytes:
    """Return the bytes of an entry; the same recording always gives the same bytes."""
    return seal(tensors, {**description_of(key), "format": _FORMAT})


def from_bytes(raw: bytes) -> tuple[PromptKey, dict[str, Array]]:
    """Return the key and the tensors of an entry. Raises SealError when it is not valid."""
    tensors, metadata = unseal(raw)
    if metadata.get("format") != _FORMAT:
        raise SealError(f"it is not of the format {_FORMAT}")
    check_tensors(tensors)
    return key_of(metadata), tensors


def tensors_of(features: PromptFeatures) -> dict[str, Array]:
    """Return the tensors of an entry."""
    return {
        "speech_tokens": features.speech_tokens.numpy(),
        "mel": features.mel.numpy(),
        "speaker_embedding": features.speaker_embedding.numpy(),
    }


def features_of(tensors: Mapping[str, Array]) -> PromptFeatures:
    """Return the features of an entry, which share the memory of its tensors."""
    import torch

    return PromptFeatures(**{name: torch.from_numpy(array) for name, array in tensors.items()})


def check_tensors(tensors: Mapping[str, Array]) -> None:
    """Raise SealError for tensors that are not a valid prompt."""
    layout = {name: (tensor.dtype.name, tensor.shape) for name, tensor in tensors.items()}
    count = tensors["speech_tokens"].size if "speech_tokens" in tensors else 0
    if layout != {
        "speech_tokens": ("int32", (count,)),
        "mel": ("float32", (MEL_FRAMES_PER_TOKEN * count, MEL_BINS)),
        "speaker_embedding": ("float32", (SPEAKER_EMBEDDING_SIZE,)),
    }:
        raise SealError("its tensors are not those of a prompt")
    if not 0 < count <= _MAX_TOKENS:
        raise SealError(f"it has {count} speech tokens, not 1 to {_MAX_TOKENS}")
    finite = all(np.isfinite(tensors[name]).all() for name in ("mel", "speaker_embedding"))
    if not finite or np.asarray(tensors["speech_tokens"], np.int32).min() < 0:
        raise SealError("its tensors have values that are impossible for a prompt")


def description_of(key: PromptKey) -> dict[str, str]:
    """Return the metadata that describe the key of a prompt and the version of podtts."""
    fields = {name: str(value) for name, value in asdict(key).items()}
    return {"podtts_version": podtts.__version__, **fields}


def key_of(metadata: Mapping[str, str]) -> PromptKey:
    """Return the key that the metadata describe. Raises SealError when they describe none."""
    audio, encoders, recipe = (
        metadata.get(name, "") for name in ("audio_sha256", "encoders_sha256", "recipe")
    )
    if not (_SHA256.fullmatch(audio) and _SHA256.fullmatch(encoders) and _RECIPE.fullmatch(recipe)):
        raise SealError("its metadata do not describe the key of a prompt")
    return PromptKey(audio, encoders, int(recipe))
