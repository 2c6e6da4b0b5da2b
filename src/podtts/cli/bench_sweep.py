"""`podtts bench --sweep`: scripts side by side, under every preset."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.cli.bench_parts import load, make_cast, print_all, tell
from podtts.cli.messages import warn
from podtts.errors import UsageError
from podtts.options import Quantization, SynthesisOptions
from podtts.presets import PRESETS, Preset, choose_preset, suited

if TYPE_CHECKING:
    from podtts.bench.cast import Cast
    from podtts.bench.sweep import SweepPlan, SweepPoint
    from podtts.device.placement import Placement
    from podtts.llm.prefix import PrefixStore
    from podtts.weights.load import Models

_WORKLOAD = "middle"


@dataclass(frozen=True)
class SweepRequest:
    """What the command line asks for."""

    directory: Path | None  # None: random weights
    random_weights: str | None  # the name of their sizes
    place: Callable[[Quantization], Placement]
    workloads: Sequence[str]  # none or one
    batches: Sequence[int]  # none: the usual ones
    preset: str | None  # None: all
    seed: int


def show_sweep(request: SweepRequest, json_file: str | None, picture: Path | None) -> None:
    """Measure, and print a table, JSON and a picture as far as they are asked for."""
    from podtts.bench.picture import sweep_svg
    from podtts.bench.report import sweep_table
    from podtts.bench.sweep import sweep, sweep_json
    from podtts.llm.prefix import PrefixStore
    from podtts.prompts.cache import PromptCache
    from podtts.storage.atomic import write_atomically

    plan = _plan(request)
    with tempfile.TemporaryDirectory(prefix="podtts-bench-") as folder:
        root = Path(folder)

        def load_preset(preset: Preset) -> Models:
            return _load(request, plan.model, preset)

        def cast(models: Models) -> Cast:
            return make_cast(request.directory, models, PromptCache(root, warn))

        def prefixes(preset: str) -> PrefixStore:
            return PrefixStore(root, {"preset": preset}, warn)

        points: list[SweepPoint] = []
        for point in sweep(plan, load_preset, cast, prefixes, tell):
            tell(f"{point.preset}, {point.batch} at once: RTF {point.rtf:.3g}")
            points.append(point)
    title = (
        f"podtts, {plan.model}, {plan.device}, {plan.workload.name}: RTF over scripts side by side"
    )
    if picture is not None:
        try:
            write_atomically(picture, sweep_svg(title, points).encode())
        except OSError as error:
            raise UsageError(f"{picture}: cannot be written: {error.strerror}") from error
    print_all([sweep_table(title, points)], sweep_json(plan, points), json_file)


def _plan(request: SweepRequest) -> SweepPlan:
    from podtts.bench.sweep import BATCHES, SweepPlan
    from podtts.bench.workload import find_workloads
    from podtts.device.placement import device_label

    if len(request.workloads) > 1:
        raise UsageError("--sweep takes one --workload", "give one of them")
    placement = request.place("none")
    names = [request.preset] if request.preset is not None else list(PRESETS)
    presets = {name: choose_preset(name, None, None, None, None) for name in names}
    return SweepPlan(
        model=request.random_weights or _short_name(request.directory),
        device=device_label(placement.device),
        dtype=placement.dtype_name,
        workload=find_workloads(request.workloads or [_WORKLOAD])[0],
        batches=tuple(request.batches) or BATCHES,
        presets={
            name: Preset(request.place(preset.quantize).quantize, suited(preset.flow, placement))
            for name, preset in presets.items()
        },
        options=SynthesisOptions(seed=request.seed, retries=0),
        random_weights=request.random_weights is not None,
    )


def _short_name(directory: Path | None) -> str:
    """What a picture calls a checkpoint: where it lies is nobody's business."""
    from podtts.hub.bundled import MINI, bundled_model

    assert directory is not None
    return MINI if directory == bundled_model() else directory.name


def _load(request: SweepRequest, name: str, preset: Preset) -> Models:
    from podtts.llm.quantized import quantize_llm

    models, _ = load(request.directory, name, request.place("none"))
    quantize_llm(models.llm, preset.quantize)
    return models
