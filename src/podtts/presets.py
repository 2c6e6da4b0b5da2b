"""Presets: named choices between speed and exactness; docs/performance.md has the figures.

A preset asks for what pays where it pays; `suited` and `suited_placement` say where it does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from podtts.options import (
    FLOW_MODES,
    PRECISIONS,
    QUANTIZATIONS,
    SOLVERS,
    FlowOptions,
    Quantization,
    one_of,
)

if TYPE_CHECKING:
    from podtts.device.placement import Placement


@dataclass(frozen=True)
class Preset:
    """How the LLM's weights are kept, and how the flow is solved."""

    quantize: Quantization  # where fewer bits are faster; see `suited_placement`
    flow: FlowOptions


PRESETS = {
    "faithful": Preset("none", FlowOptions()),
    "balanced": Preset("int8", FlowOptions(steps=8, precision="bfloat16", guided_start=False)),
    "fast": Preset("int4", FlowOptions(steps=4, precision="int8", guided_start=False)),
}
DEFAULT_PRESET = "balanced"


def choose_preset(
    name: str = DEFAULT_PRESET,
    quantize: str | None = None,
    steps: int | None = None,
    solver: str | None = None,
    precision: str | None = None,
    mode: str | None = None,
) -> Preset:
    """A preset, with what is not None in place of its own. Raises UsageError for unknown names."""
    preset = PRESETS[one_of(tuple(PRESETS), "preset", name)]
    flow = preset.flow
    return Preset(
        preset.quantize if quantize is None else one_of(QUANTIZATIONS, "quantization", quantize),
        replace(
            flow,
            steps=flow.steps if steps is None else steps,
            # What leaves it out was measured with the preset's own steps and solver.
            guided_start=flow.guided_start or steps is not None or solver is not None,
            solver=flow.solver if solver is None else one_of(SOLVERS, "flow-solver", solver),
            precision=flow.precision
            if precision is None
            else one_of(PRECISIONS, "flow-precision", precision),
            mode=flow.mode if mode is None else one_of(FLOW_MODES, "flow-mode", mode),
        ),
    )


def suited(flow: FlowOptions, placement: Placement) -> FlowOptions:
    """The flow's options with float32 where the device has no bfloat16 of its own.

    int8 stays where compiled code computes it: it is faster than float32 on every CPU.
    """
    from podtts.device.placement import has_compiled_flow, has_native_bfloat16

    pays = flow.precision == "int8" and has_compiled_flow(placement.device)
    if pays or has_native_bfloat16(placement.device):
        return flow
    return replace(flow, precision="float32")


def suited_placement(
    device: str, dtype: str, quantize: Quantization, *, asked: bool = False
) -> Placement:
    """`device.place`, with a preset's quantization where fewer bits save time and not memory alone.

    asked: it was asked for by its name, and holds everywhere.
    """
    from podtts.device.placement import has_fused_layers, place

    placement = place(device, dtype)
    pays = asked or has_fused_layers(placement.device)
    return replace(placement, quantize=quantize if pays else "none")
