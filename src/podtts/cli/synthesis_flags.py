"""Flags that decide how turns are synthesized."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from podtts.cli.flag_groups import FlagGroup
from podtts.cli.flags import SeedOption
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions, WindowOptions

_SAMPLING, _SYNTHESIS = SamplingOptions(), SynthesisOptions()
_MODELS_OWN = "default: the model's own, usually"


@dataclass(frozen=True)
class SynthesisFlags(FlagGroup):
    """Seed, sampling of the LLM, and what is synthesized again."""

    seed: SeedOption = _SYNTHESIS.seed
    temperature: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help=f"Lower is more even, higher is livelier; {_MODELS_OWN} "
            f"{_SAMPLING.temperature:g}.",
        ),
    ] = None
    top_k: Annotated[
        int, typer.Option(metavar="N", help="Sample only from the N most likely tokens.")
    ] = _SAMPLING.top_k
    top_p: Annotated[
        float,
        typer.Option(
            metavar="X",
            help="Sample only from the most likely tokens that together have probability X.",
        ),
    ] = _SAMPLING.top_p
    repetition_penalty: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help=f"Makes tokens that the turn already has less likely; {_MODELS_OWN} "
            f"{_SAMPLING.repetition_penalty:g}.",
        ),
    ] = None
    max_turn_tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=f"Longest turn in speech tokens, 25 a second.  [default: {_SAMPLING.max_tokens}]",
        ),
    ] = None
    context_turns: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="How many former turns the LLM may hear, 0 to 10; try 1 if a style fades.",
        ),
    ] = _SYNTHESIS.window.max_turns
    limit_turns: Annotated[
        int | None,
        typer.Option(metavar="N", help="Synthesize only the first N turns of a script, to try it."),
    ] = None
    retries: Annotated[
        int,
        typer.Option(metavar="N", help="How often a turn that fails a check is synthesized again."),
    ] = _SYNTHESIS.retries

    def options(
        self, directory: Path, flow: FlowOptions, verify_limit: float | None
    ) -> SynthesisOptions:
        """Return the options of a run with a checkpoint. verify_limit: see `SynthesisOptions`.

        Raises UsageError for values out of range, ModelError for an unreadable podtts.json.
        """
        return SynthesisOptions(
            seed=self.seed,
            sampling=sampling_options(
                directory,
                temperature=self.temperature,
                top_k=self.top_k,
                top_p=self.top_p,
                repetition_penalty=self.repetition_penalty,
                max_tokens=self.max_turn_tokens,
            ),
            window=WindowOptions.of_turns(self.context_turns),
            flow=flow,
            limit_turns=self.limit_turns,
            retries=self.retries,
            check_length=self.max_turn_tokens is None,
            verify_limit=verify_limit,
        )


def sampling_options(directory: Path, **flags: float | None) -> SamplingOptions:
    """Return a checkpoint's own sampling, with the flags that are not None in its place.

    Raises UsageError for values out of range, ModelError for an unreadable podtts.json.
    """
    from podtts.weights.settings import CheckpointSettings

    values: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    return replace(CheckpointSettings.read(directory).sampling, **values)
