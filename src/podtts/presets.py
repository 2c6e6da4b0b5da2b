"""Named trades of speed against exactness; docs/performance.md has the figures behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from podtts.errors import UsageError, nearest
from podtts.options import PRECISIONS, QUANTIZATIONS, SOLVERS, FlowOptions, Quantization

T = TypeVar("T", bound=str)


@dataclass(frozen=True)
class Preset:
    """How the LLM's weights are kept, and how the flow is solved."""

    quantize: Quantization
    flow: FlowOptions


PRESETS = {
    "faithful": Preset("none", FlowOptions()),
    "balanced": Preset("none", FlowOptions(steps=5, solver="heun", precision="bfloat16")),
    "fast": Preset("int4", FlowOptions(steps=3, solver="midpoint", precision="bfloat16")),
}
DEFAULT_PRESET = "balanced"


def choose_preset(
    name: str,
    quantize: str | None,
    steps: int | None,
    solver: str | None,
    precision: str | None,
) -> Preset:
    """A preset, with what is not None in place of its own. Raises UsageError for unknown names."""
    if name not in PRESETS:
        names = tuple(PRESETS)
        raise UsageError(
            f"unknown preset {name!r}{nearest(name, names)}", f"one of {', '.join(names)}"
        )
    preset = PRESETS[name]
    flow = preset.flow
    return Preset(
        preset.quantize if quantize is None else _known(QUANTIZATIONS, "quantization", quantize),
        replace(
            flow,
            steps=flow.steps if steps is None else steps,
            solver=flow.solver if solver is None else _known(SOLVERS, "flow-solver", solver),
            precision=flow.precision
            if precision is None
            else _known(PRECISIONS, "flow-precision", precision),
        ),
    )


def _known(names: tuple[T, ...], what: str, value: str) -> T:
    for name in names:
        if name == value:
            return name
    raise UsageError(
        f"unknown {what} {value!r}{nearest(value, names)}", f"one of {', '.join(names)}"
    )
