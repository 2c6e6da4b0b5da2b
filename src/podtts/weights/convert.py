"""The published PyTorch pickles as safetensors, once: nothing to execute, memory-mapped, folded."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from podtts.errors import ModelError
from podtts.weights.checkpoint import Tensors, open_pt
from podtts.weights.fold import hift_tensors
from podtts.weights.settings import CheckpointSettings
from podtts.weights.sizes import flow_config, hift_config


def convert_checkpoint(directory: Path) -> list[Path]:
    """Write flow.safetensors and hift.safetensors from flow.pt and hift.pt; return what is new.

    A .safetensors that is there already is left as it is; the .pt files stay.
    Raises ModelError for a folder with neither, damaged files, or no room to write.
    """
    settings = CheckpointSettings.read(directory)
    parts: dict[str, Callable[[Path], Tensors]] = {
        "flow": lambda file: _checked_flow(file, settings),
        "hift": lambda file: _checked_hift(file, settings),
    }
    written = []
    for part, read in parts.items():
        target, source = directory / f"{part}.safetensors", directory / f"{part}.pt"
        if target.is_file():
            continue
        _write(target, read(source), source.name)
        written.append(target)
    return written


def _checked_flow(file: Path, settings: CheckpointSettings) -> Tensors:
    tensors = open_pt(file)
    flow_config(tensors, file, settings)  # a flow that cannot be loaded is not worth converting
    return tensors


def _checked_hift(file: Path, settings: CheckpointSettings) -> Tensors:
    tensors = hift_tensors(open_pt(file))
    hift_config(tensors, file, settings)
    return tensors


def _write(target: Path, tensors: Tensors, source: str) -> None:
    # Clones: a pickle may give two names the same memory, which safetensors refuses.
    values = {
        name: tensor.read().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        # One key alone: of several the writer chooses the order anew each time.
        save_file(values, temporary, metadata={"converted_from": source})
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except (OSError, SafetensorError) as error:  # safetensors gives its disk errors its own type
        raise ModelError(f"{target} cannot be written: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
