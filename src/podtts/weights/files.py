"""Checks which files a checkpoint folder has, without torch and without reading weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from podtts.errors import ModelError

SPEECH_TOKENIZER_FILE = "speech_tokenizer_v2.onnx"
SPEAKER_ENCODER_FILE = "campplus.onnx"
COMPLETE = "the folder must have all files of a checkpoint, as after: podtts model pull NAME"


def missing_files(directory: Path) -> list[str]:
    """Names of the checkpoint files that `directory` lacks, alternatives joined by `or`."""
    alternatives = [
        ("config.json",),
        ("soulxpodcast_config.json",),
        ("tokenizer.json", "vocab.json"),
        ("model.safetensors", "model.safetensors.index.json"),
        ("flow.safetensors", "flow.pt"),
        ("hift.safetensors", "hift.pt"),
        (SPEAKER_ENCODER_FILE,),
        (SPEECH_TOKENIZER_FILE,),
    ]
    return [
        " or ".join(names)
        for names in alternatives
        if not any((directory / name).is_file() for name in names)
    ]


def check_directory(directory: Path) -> None:
    """Raise ModelError when `directory` is not a folder or lacks files of a checkpoint."""
    if not directory.is_dir():
        raise ModelError(f"{directory} is not a folder", COMPLETE)
    if missing := missing_files(directory):
        raise ModelError(f"{directory} lacks {', '.join(missing)}", COMPLETE)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file. Raises ModelError naming the file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing", COMPLETE) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} does not hold a JSON object")
    return value
