"""Converts the published PyTorch pickles to safetensors: memory-mapped, with weight norm folded."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from podtts.errors import DiskError
from podtts.weights.checkpoint import Tensors, open_pt
from podtts.weights.fold import hift_tensors
from podtts.weights.settings import CheckpointSettings
from podtts.weights.sizes import flow_config, hift_config


def convert_checkpoint(directory: Path) -> list[Path]:
    """Write flow.safetensors and hift.safetensors from flow.pt and hift.pt; return the new files.

    Changes neither a .safetensors that exists nor the .pt files.
    Raises ModelError for a folder with neither and for damaged files, DiskError when writing fails.
    """
    settings = CheckpointSettings.read(directory)
    parts: dict[str, Callable[[Path], Tensors]] = {
        "flow": lambda file: _open_flow(file, settings),
        "hift": lambda file: _open_hift(file, settings),
    }
    written = []
    for part, read in parts.items():
        target, source = directory / f"{part}.safetensors", directory / f"{part}.pt"
        if target.is_file():
            continue
        _write(target, read(source), source.name)
        written.append(target)
    return written


def _open_flow(file: Path, settings: CheckpointSettings) -> Tensors:
    tensors = open_pt(file)
    flow_config(tensors, file, settings)  # raises ModelError for a flow that could not be loaded
    return tensors


def _open_hift(file: Path, settings: CheckpointSettings) -> Tensors:
    tensors = hift_tensors(open_pt(file))
    hift_config(tensors, file, settings)
    return tensors


def _write(target: Path, tensors: Tensors, source: str) -> None:
    # Cloned: in a pickle two names may share memory, which safetensors refuses.
    values = {
        name: tensor.read().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        # A single key: the order of several would differ from run to run.
        save_file(values, temporary, metadata={"converted_from": source})
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except (OSError, SafetensorError) as error:  # safetensors has its own type for disk errors
        raise DiskError(
            f"{target} cannot be written: {error}",
            "make room or get the permission to write there, then run the same command again",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
