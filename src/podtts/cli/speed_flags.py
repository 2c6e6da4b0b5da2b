"""Flags that trade quality for speed, and choose the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.flag_groups import FlagGroup
from podtts.cli.flags import ThreadsOption
from podtts.cli.messages import warn_once
from podtts.options import DEFAULT_FLOW_CACHE, FlowOptions, Quantization
from podtts.presets import DEFAULT_PRESET, Preset, choose_preset, suited

if TYPE_CHECKING:
    from podtts.device.placement import Placement


@dataclass(frozen=True)
class SpeedFlags(FlagGroup):
    """Device, number types and preset, with changes to the preset."""

    device: Annotated[
        str,
        typer.Option(
            "--device", metavar="NAME", help="auto, cpu, cuda or mps; auto takes the fastest."
        ),
    ] = "auto"
    dtype: Annotated[
        str,
        typer.Option(
            "--dtype",
            metavar="NAME",
            help="Number type of the LLM: auto, float32, bfloat16 or float16.",
        ),
    ] = "auto"
    threads: ThreadsOption = None
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            metavar="NAME",
            help="Quality against speed: faithful (slowest, exact), balanced or fast.",
        ),
    ] = DEFAULT_PRESET
    quantize: Annotated[
        str | None,
        typer.Option(
            "--quantize",
            metavar="KIND",
            help="Weights of the LLM: none (as stored), int8 or int4; default: the preset's.",
        ),
    ] = None
    flow_steps: Annotated[
        int | None,
        typer.Option(
            "--flow-steps", metavar="N", help="Steps of the flow's solver; default: the preset's."
        ),
    ] = None
    flow_solver: Annotated[
        str | None,
        typer.Option(
            "--flow-solver",
            metavar="NAME",
            help="Solver of the flow: euler, midpoint, heun or ab2; default: the preset's.",
        ),
    ] = None
    flow_precision: Annotated[
        str | None,
        typer.Option(
            "--flow-precision",
            metavar="NAME",
            help="Number type of the flow: float32, bfloat16 or int8; default: the preset's if "
            "the device has it.",
        ),
    ] = None
    flow_mode: Annotated[
        str | None,
        typer.Option(
            "--flow-mode",
            metavar="NAME",
            help="full: the flow sees whole turns. streaming: it goes on chunk by chunk, solves "
            "each voice once, and sound comes while a turn is being decoded; default: the "
            "preset's.",
        ),
    ] = None
    flow_cache: Annotated[
        int | None,
        typer.Option(
            "--flow-cache",
            min=0,
            metavar="MB",
            help="Memory for the voices that the streaming flow has solved.  "
            f"[default: {DEFAULT_FLOW_CACHE}]",
        ),
    ] = None

    @property
    def flow_cache_mb(self) -> int:
        """The limit of --flow-cache."""
        return DEFAULT_FLOW_CACHE if self.flow_cache is None else self.flow_cache

    def chosen_preset(self) -> Preset:
        """Return the preset with the changes that the flags make. Raises UsageError."""
        return choose_preset(
            self.preset,
            self.quantize,
            self.flow_steps,
            self.flow_solver,
            self.flow_precision,
            self.flow_mode,
        )

    def placement(self, quantize: Quantization | None = None) -> Placement:
        """Return device and number types; loads torch and sets its threads.

        quantize: in place of the preset's and of --quantize. A quantization that does not make this
        device faster is left out, unless --quantize asks for it. Raises UsageError, DeviceError.
        Prints a warning of compiled code that cannot be loaded, once.
        """
        import torch

        from podtts.device.placement import compiled_code_problems
        from podtts.presets import suited_placement

        if self.threads is not None:
            torch.set_num_threads(self.threads)
        kind, asked = self.chosen_preset().quantize, self.quantize is not None
        if quantize is not None:
            kind, asked = quantize, False
        placement = suited_placement(self.device, self.dtype, kind, asked=asked)
        for problem in compiled_code_problems(placement):
            warn_once(problem)
        return placement

    def flow_on(self, placement: Placement) -> FlowOptions:
        """Return the options of the flow on a device, in a number type that the device has.

        --flow-precision holds on every device.
        """
        flow = self.chosen_preset().flow
        return flow if self.flow_precision is not None else suited(flow, placement)
