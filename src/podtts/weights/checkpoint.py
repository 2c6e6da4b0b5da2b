"""Opens the tensors of a checkpoint's files; every error names its file.

Published layout: config.json, soulxpodcast_config.json, tokenizer files, model.safetensors (or
shards with an index), flow.pt or .safetensors, hift.pt or .safetensors, campplus.onnx,
speech_tokenizer_v2.onnx, and optionally podtts.json (see podtts.weights.settings).
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from podtts.errors import ModelError
from podtts.weights.files import COMPLETE, read_json


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: `shape` is known, `read` loads the numbers."""

    file: Path
    shape: tuple[int, ...]
    read: Callable[[], Tensor]


Tensors = dict[str, StoredTensor]  # by published name


def open_llm(directory: Path) -> Tensors:
    """Tensors of the LLM, from one file or from shards. Raises ModelError."""
    single, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    if single.is_file() or not index.is_file():
        return open_safetensors(single)
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise ModelError(f"{index} has no weight_map")
    tensors: Tensors = {}
    for shard in sorted(set(weight_map.values())):
        tensors |= open_safetensors(directory / shard)
    for name, shard in weight_map.items():
        if name not in tensors or tensors[name].file.name != shard:
            raise ModelError(f"{directory / shard}: tensor {name} is missing (named by the index)")
    if unlisted := sorted(tensors.keys() - weight_map.keys()):
        raise ModelError(f"{tensors[unlisted[0]].file}: tensor {unlisted[0]} is not in the index")
    return tensors


def open_part(directory: Path, part: str) -> Tensors:
    """Tensors of `flow` or `hift`, from .safetensors if it exists, else from the published .pt."""
    converted = directory / f"{part}.safetensors"
    return open_safetensors(converted) if converted.is_file() else open_pt(directory / f"{part}.pt")


def open_safetensors(path: Path) -> Tensors:
    """Tensors of a safetensors file, memory-mapped. Raises ModelError."""
    try:
        file = safe_open(path, framework="pt")
        names = list(file.keys())
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing", COMPLETE) from error
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path} is damaged or not a safetensors file: {error}", "pull or copy it again"
        ) from error
    return {
        name: StoredTensor(path, shape, partial(file.get_tensor, name))
        for name, shape in shapes.items()
    }


def open_pt(path: Path) -> Tensors:
    """Tensors of a PyTorch state dict. Executes nothing in the file. Raises ModelError."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing", COMPLETE) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{path} is damaged or holds more than tensors: {reason}", "pull or copy it again"
        ) from error
    if not isinstance(state, Mapping):
        raise ModelError(f"{path} does not hold a state dict")
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise ModelError(f"{path}: {name} is {type(value).__name__}, not a tensor")
    return {
        name: StoredTensor(path, tuple(value.shape), partial(Tensor.detach, value))
        for name, value in state.items()
    }
