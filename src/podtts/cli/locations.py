"""Where things are: the cache, models, the checkpoint that a command uses, the hub of a pull."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from podtts.errors import UsageError
from podtts.hub.bundled import MINI
from podtts.hub.registry import DEFAULT_RECOGNIZER
from podtts.hub.store import resolve_model, resolve_recognizer

if TYPE_CHECKING:
    from podtts.hub.client import Hub, HubName


def check_folders() -> None:
    """Check that paths have a meaning. Raises UsageError without a working or a home folder.

    Libraries would take a home folder that nobody knows for a folder of the name ~.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(
            f"the working folder cannot be found: {error.strerror}", "cd to another folder"
        ) from error
    try:
        Path.home()
    except RuntimeError as error:
        raise UsageError(
            "HOME is not set, and this user has no home folder", "set HOME to a folder"
        ) from error


def cache_root(flag: Path | None) -> Path:
    """Return the folder of prompts and voices.

    flag: --cache-dir or PODTTS_CACHE_DIR; None: the user's cache folder.
    """
    return flag if flag is not None else platformdirs.user_cache_path("podtts")


def models_dir() -> Path:
    """Return the folder of downloaded models: PODTTS_MODELS_DIR, or one in the user's data."""
    folder = os.environ.get("PODTTS_MODELS_DIR")
    return Path(folder) if folder else platformdirs.user_data_path("podtts") / "models"


def jobs_dir(flag: Path | None) -> Path:
    """Return the folder of the server's jobs. flag: --jobs; None: one in the user's data."""
    return flag if flag is not None else platformdirs.user_data_path("podtts") / "jobs"


def model_directory(name_or_folder: str | None) -> Path:
    """Return the folder of a checkpoint.

    name_or_folder: --model or PODTTS_MODEL; None: the bundled model. Raises ModelError if there is
    no such model on this machine.
    """
    return resolve_model(name_or_folder or MINI, models_dir())


def recognizer_directory(name_or_folder: str | None) -> Path:
    """Return the folder of a recognizer.

    name_or_folder: --recognizer; None: whisper-base. Raises ModelError if there is no such
    recognizer on this machine.
    """
    name = DEFAULT_RECOGNIZER if name_or_folder is None else name_or_folder
    return resolve_recognizer(name, models_dir())


def hub_named(name: HubName) -> Hub:
    """Return a hub, as its own environment variables describe it."""
    from podtts.hub.hugging_face import HuggingFace
    from podtts.hub.model_scope import DEFAULT_ENDPOINT, ModelScope

    if name == "huggingface":
        return HuggingFace()  # huggingface_hub reads its variables
    endpoint = os.environ.get("MODELSCOPE_ENDPOINT") or DEFAULT_ENDPOINT
    return ModelScope(endpoint.rstrip("/"), os.environ.get("MODELSCOPE_API_TOKEN"))
