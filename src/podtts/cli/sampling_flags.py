"""How the LLM draws: the checkpoint's own values, where no flag says otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from podtts.options import SamplingOptions

_PUBLISHED = SamplingOptions()
_OWN = "default: the model's own, as a rule"

TemperatureOption = Annotated[
    float | None,
    typer.Option(metavar="X", help=f"How freely is drawn; {_OWN} {_PUBLISHED.temperature:g}."),
]
TopKOption = Annotated[int, typer.Option(metavar="N", help="Draw from so many tokens at most.")]
TopPOption = Annotated[float, typer.Option(metavar="X", help="Draw from the likeliest tokens.")]
RepetitionPenaltyOption = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help=f"On what this turn has already said; {_OWN} {_PUBLISHED.repetition_penalty:g}.",
    ),
]
MaxTurnTokensOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help=f"Longest turn; 25 tokens are a second.  [default: {_PUBLISHED.max_tokens}]",
    ),
]


def sampling_options(directory: Path, **given: float | None) -> SamplingOptions:
    """A checkpoint's own way to draw, with the fields that are given and not None in its place.

    Raises UsageError for values that cannot be, ModelError for a podtts.json that cannot be read.
    """
    from podtts.weights.settings import CheckpointSettings

    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(CheckpointSettings.read(directory).sampling, **chosen)
