"""Where things are on this machine: cache, pulled models, the model and device a command uses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from podtts.hub.bundled import MINI
from podtts.hub.store import resolve_model

if TYPE_CHECKING:
    from podtts.device.placement import Placement
    from podtts.options import Quantization


def cache_root(flag: Path | None) -> Path:
    """The folder of prompts and voices: flag or PODTTS_CACHE_DIR, else the user's cache folder."""
    return flag if flag is not None else platformdirs.user_cache_path("podtts")


def models_dir() -> Path:
    """The folder of pulled models: PODTTS_MODELS_DIR, else in the user's data folder."""
    given = os.environ.get("PODTTS_MODELS_DIR")
    return Path(given) if given else platformdirs.user_data_path("podtts") / "models"


def model_directory(value: str | None) -> Path:
    """The checkpoint folder that --model or PODTTS_MODEL names; the bundled one if neither does.

    Raises ModelError when what is given is not there.
    """
    return resolve_model(value or MINI, models_dir())


def chosen_placement(
    device: str, dtype: str, quantize: Quantization, threads: int | None, *, asked: bool = False
) -> Placement:
    """What --device, --dtype and --threads ask for; loads torch.

    quantize: a preset's, left out where it does not pay, unless it was asked for by its name.
    """
    import torch

    from podtts.presets import suited_placement

    if threads is not None:
        torch.set_num_threads(threads)
    return suited_placement(device, dtype, quantize, asked=asked)
