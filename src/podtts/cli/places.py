"""Where things are on this machine: the cache, the pulled models, the model a command uses."""

import os
from pathlib import Path

import platformdirs

from podtts.errors import UsageError
from podtts.weights.store import resolve_model


def cache_root(flag: Path | None) -> Path:
    """The folder of prompts and voices: flag or PODTTS_CACHE_DIR, else the user's cache folder."""
    return flag if flag is not None else platformdirs.user_cache_path("podtts")


def models_dir() -> Path:
    """The folder of pulled models: PODTTS_MODELS_DIR, else in the user's data folder."""
    given = os.environ.get("PODTTS_MODELS_DIR")
    return Path(given) if given else platformdirs.user_data_path("podtts") / "models"


def model_directory(value: str | None) -> Path:
    """The checkpoint folder that --model or PODTTS_MODEL names.

    Raises UsageError when neither is given, ModelError when what is given is not there.
    """
    if not value:
        raise UsageError(
            "no model given",
            "use --model NAME|DIR or set PODTTS_MODEL; podtts model ls shows the names",
        )
    return resolve_model(value, models_dir())
