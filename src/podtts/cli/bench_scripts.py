"""`podtts bench --scripts`: one batch against single calls and against a loop, in turns."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import podtts
from podtts.cli.bench_desk import CheckpointDesk, ScriptsRequest
from podtts.cli.bench_parts import load, make_cast, print_all, tell
from podtts.cli.messages import warn
from podtts.cli.synthesis_flags import sampling_options
from podtts.errors import UsageError
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.presets import suited

if TYPE_CHECKING:
    from rich.table import Table

    from podtts.bench.scripts import Measured
    from podtts.device.placement import Placement
    from podtts.presets import Preset


def ask_for_scripts(
    count: int,
    batches: Sequence[int],
    rounds: int,
    preset: Preset,
    placement: Placement,
    directory: Path | None,
    given: Mapping[str, str | int | None],
) -> ScriptsRequest:
    """Make a request of flags. given: those of synthesis, as they were given; None: they were not.

    Raises UsageError.
    """
    if len(batches) > 1:
        raise UsageError("--scripts takes one --batch", "give one of them")
    flow = preset.flow
    if given["--flow-precision"] is None:
        flow = suited(flow, placement)
    sampling = SamplingOptions() if directory is None else sampling_options(directory)
    return ScriptsRequest(
        count=count,
        rows=batches[0] if batches else None,
        rounds=rounds,
        options=SynthesisOptions(seed=int(given["--seed"] or 0), sampling=sampling, flow=flow),
        placement=placement,
        flags=[f"{flag}={value}" for flag, value in given.items() if value is not None],
        preset=str(given["--preset"]),
    )


def show_scripts(
    directory: Path | None, model: str, request: ScriptsRequest, json_file: str | None
) -> None:
    """Measure, and print a table and JSON. directory: a checkpoint's; None: random weights."""
    from podtts.bench.scripts import scripts_json
    from podtts.device.placement import device_label

    with tempfile.TemporaryDirectory(prefix="podtts-bench-") as folder:
        if directory is None:
            found = _library(model, request, Path(folder))
            notes = [f"{request.count} scripts of two turns; loading is not counted"]
            same = None
        else:
            slot = CheckpointDesk(directory, request, Path(folder))
            found, same = slot.measure(), slot.same
            notes = [
                f"{request.count} scripts of two turns; loading is counted, and the start of every "
                "process; the loop runs in this one",
                f"files of the batch that are those of the single calls: {same}",
            ]
    weights = " (random weights)" if directory is None else ""
    title = f"podtts {podtts.__version__} {request.preset}, {model}{weights}, {request.placement}"
    setting = {
        "model": model,
        "random_weights": directory is None,
        "scripts": request.count,
        "rounds": request.rounds,
        "same_files": same,
        "device": device_label(request.placement.device),
        "llm_dtype": request.placement.dtype_name,
        "preset": request.preset,
        "seed": request.options.seed,
    }
    print_all([_table(title, found), "\n".join(notes)], scripts_json(setting, found), json_file)


def _library(model: str, request: ScriptsRequest, folder: Path) -> list[Measured]:
    """Random weights: there is no folder that a command could be given."""
    from podtts.batch.memory import rows_that_fit
    from podtts.bench.cast import speaker_prompts
    from podtts.bench.scripts import Way, ensemble_seconds, measure_ways, prescribed_jobs
    from podtts.device.placement import Stopwatch
    from podtts.llm.prefix import PrefixStore
    from podtts.llm.quantized import quantize_llm
    from podtts.prompts.cache import PromptCache

    placement = request.placement
    models, _ = load(None, model, placement)
    quantize_llm(models.llm, placement.quantize)
    prompts = speaker_prompts(make_cast(None, models, PromptCache(folder, warn)).cached())
    jobs = prescribed_jobs(request.count, prompts, request.options)
    rows = request.rows or rows_that_fit(models, jobs[0].options, share=1)
    rows = min(rows, request.count)
    tell("warm-up")
    speak = partial(ensemble_seconds, models, PrefixStore(folder, {}, warn))
    speak(jobs[:1], 1)
    ways = [
        Way(f"{rows} side by side", partial(speak, jobs, rows)),
        Way("one after the other", partial(speak, jobs, 1)),
    ]
    return measure_ways(ways, request.rounds, partial(Stopwatch, models.device), tell)


def _table(title: str, found: Sequence[Measured]) -> Table:
    from statistics import median

    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    table.add_column("way")
    for heading in ("audio s", "wall s", "RTF", "times as long"):
        table.add_column(heading, justify="right")
    for one in found:
        shown = ((one.audio_seconds, ".1f"), (one.wall_seconds, ".1f"), (one.rtfs, ".3f"))
        cells = [_cell(values, form) for values, form in shown]
        table.add_row(one.name, *cells, f"{median(one.ratios(found[0])):.2f}")
    return table


def _cell(values: Sequence[float], form: str) -> str:
    from statistics import median

    lowest, highest = (format(one, form) for one in (min(values), max(values)))
    middle = format(median(values), form)
    return middle if lowest == highest else f"{middle}\n({lowest}–{highest})"
