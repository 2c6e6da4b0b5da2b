"""What every kind of `podtts bench` needs: models, speakers, progress, printing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.cli.messages import say
from podtts.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from podtts.bench.cast import Cast
    from podtts.bench.report import Loading
    from podtts.device.placement import Placement
    from podtts.prompts.cache import PromptCache
    from podtts.weights.load import Models

_PIPE_COLUMNS = 140  # without a terminal: wide enough that no table is folded


def load(directory: Path | None, name: str, placement: Placement) -> tuple[Models, Loading]:
    from podtts.bench.report import Loading
    from podtts.device.memory import peak_memory_bytes, reset_peak_memory
    from podtts.device.stopwatch import Stopwatch
    from podtts.weights.load import load_models
    from podtts.weights.random import random_models

    reset_peak_memory(placement.device)
    with Stopwatch(placement.device) as watch:
        if directory is None:
            models = random_models(name, placement)
        else:
            models = load_models(directory, placement, torch_layers=True)
    return models, Loading(watch.seconds, peak_memory_bytes(placement.device))


def make_cast(directory: Path | None, models: Models, cache: PromptCache) -> Cast:
    from podtts.bench.cast import random_cast, recorded_cast
    from podtts.weights.files import checkpoint_encoders

    if directory is None:
        return random_cast(models.flow.config, cache)
    return recorded_cast(checkpoint_encoders(directory), cache)


def tell(doing: str) -> None:
    """One line a run, for people who watch."""
    if sys.stderr.isatty():
        say(doing)


def print_all(shown: Sequence[RenderableType], as_json: str, json_file: str | None) -> None:
    """Print tables and write JSON. Raises UsageError when that cannot be written."""
    from rich.console import Console

    from podtts.storage.atomic import write_atomically

    if json_file == "-":
        sys.stdout.write(as_json)
        return
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS)
    for one in shown:
        console.print(one, highlight=False)
    if json_file is None:
        return
    try:
        write_atomically(Path(json_file), as_json.encode())
    except OSError as error:
        raise UsageError(f"{json_file}: cannot be written: {error.strerror}") from error
