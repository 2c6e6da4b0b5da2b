"""One entry of the prompt cache: its name, its bytes, and what makes it sound."""

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

# The ending belongs to the format: raise both when an entry of the older layout cannot be read any
# more (".v2.safetensors"), and two versions of podtts on one folder never meet each other's files.
_FORMAT = "podtts-prompt-1"
_ENDING = ".safetensors"

_STEM = r"[0-9a-f]{16}-[0-9a-f]{8}-r[0-9]+"
_NAME = re.compile(_STEM + re.escape(_ENDING))
_NAME_OF_ANY_VERSION = re.compile(_STEM + r"(\.v[0-9]+)?\.safetensors")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RECIPE = re.compile(r"0|[1-9][0-9]{0,5}")

LONGEST_ENTRY_BYTES = 2**22  # 30 s are 0.5 MB
_MOST_TOKENS = round(MAX_PROMPT_SECONDS * TOKENS_PER_SECOND)


@dataclass(frozen=True)
class PromptKey:
    """Everything a prompt's tensors depend on."""

    audio_sha256: str  # of the bytes of the recording's file, hexadecimal
    encoders_sha256: str  # PromptEncoders.digest
    recipe: int  # extract.RECIPE_VERSION

    def filename(self) -> str:
        """Return the entry's name, shortened to be readable; the entry holds the key in full."""
        return f"{self.audio_sha256[:16]}-{self.encoders_sha256[:8]}-r{self.recipe}{_ENDING}"


def is_entry_name(name: str) -> bool:
    """Return whether a file of that name is an entry of this version's format."""
    return _NAME.fullmatch(name) is not None


def is_any_entry_name(name: str) -> bool:
    """Return whether a file of that name is an entry of this or another version's format."""
    return _NAME_OF_ANY_VERSION.fullmatch(name) is not None


def to_bytes(key: PromptKey, tensors: Mapping[str, Array]) -> bytes:
    """Return an entry: nothing in it differs between two preparations of the same recording."""
    return seal(tensors, {**description_of(key), "format": _FORMAT})


def from_bytes(raw: bytes) -> tuple[PromptKey, dict[str, Array]]:
    """Return what an entry holds; raises SealError when it is not one, or not as written."""
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
    """Return the features in the tensors of an entry, which share their memory."""
    import torch  # here, so that looking after a cache does not wait for it

    return PromptFeatures(**{name: torch.from_numpy(array) for name, array in tensors.items()})


def check_tensors(tensors: Mapping[str, Array]) -> None:
    """Raise SealError for tensors that are not those of a prompt."""
    layout = {name: (tensor.dtype.name, tensor.shape) for name, tensor in tensors.items()}
    count = tensors["speech_tokens"].size if "speech_tokens" in tensors else 0
    if layout != {
        "speech_tokens": ("int32", (count,)),
        "mel": ("float32", (MEL_FRAMES_PER_TOKEN * count, MEL_BINS)),
        "speaker_embedding": ("float32", (SPEAKER_EMBEDDING_SIZE,)),
    }:
        raise SealError("its tensors are not those of a prompt")
    if not 0 < count <= _MOST_TOKENS:
        raise SealError(f"it has {count} speech tokens, not 1 to {_MOST_TOKENS}")
    finite = all(np.isfinite(tensors[name]).all() for name in ("mel", "speaker_embedding"))
    if not finite or np.asarray(tensors["speech_tokens"], np.int32).min() < 0:
        raise SealError("its tensors hold values that no recording gives")


def description_of(key: PromptKey) -> dict[str, str]:
    """Return the metadata that name what a prompt was made from, and by which podtts."""
    described = {name: str(value) for name, value in asdict(key).items()}
    return {"podtts_version": podtts.__version__, **described}


def key_of(metadata: Mapping[str, str]) -> PromptKey:
    """Return the key that metadata describe; raises SealError when they describe none."""
    audio, encoders, recipe = (
        metadata.get(name, "") for name in ("audio_sha256", "encoders_sha256", "recipe")
    )
    if not (_SHA256.fullmatch(audio) and _SHA256.fullmatch(encoders) and _RECIPE.fullmatch(recipe)):
        raise SealError("its metadata does not name what it was made from")
    return PromptKey(audio, encoders, int(recipe))
