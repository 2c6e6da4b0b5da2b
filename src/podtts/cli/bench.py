"""`podtts bench`: measures speed and memory on texts that never change."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.bench_flags import check_bench_flags, is_on_command_line
from podtts.cli.ear_flags import RecognizerOption, recognizer_on_this_machine
from podtts.cli.flag_groups import with_flag_groups
from podtts.cli.flags import ModelOption, SeedOption, named_path
from podtts.cli.idle_flags import refuse_idle
from podtts.cli.locations import model_directory
from podtts.cli.messages import say, warn
from podtts.cli.speed_flags import SpeedFlags
from podtts.cli.text_files import check_text_file, write_text_file
from podtts.errors import UsageError
from podtts.options import SynthesisOptions
from podtts.presets import PRESETS, Preset, choose_preset, suited

if TYPE_CHECKING:
    from rich.console import RenderableType

    from podtts.bench.model_under_test import ModelUnderTest

    Output = tuple[Sequence[RenderableType], str]  # what is printed, and the same as JSON

_SYNTHESIS = SynthesisOptions()
_SWEEP_WORKLOAD = "middle"
_FIRST_AUDIO_WORKLOAD = "dialogue"  # with a rebuild of the LLM's context
_PIPE_COLUMNS = 140  # width of tables without a terminal: wide enough for all columns


@with_flag_groups
def bench(
    context: typer.Context,
    speed: SpeedFlags,
    model: ModelOption = None,
    random_weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Use random weights with the sizes of a published model in place of --model; "
            "nothing is downloaded.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="RECIPE", help="published: also measure the recipe of the published code."
        ),
    ] = None,
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="short, middle, long or dialogue (repeatable); default: all."
        ),
    ] = None,
    repeat: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of runs of every workload.")
    ] = 3,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Also write the figures as JSON; - prints JSON in place of the tables.",
        ),
    ] = None,
    quality: Annotated[
        bool,
        typer.Option("--quality", help="Compare the quality of all presets with faithful."),
    ] = False,
    recognizer: RecognizerOption = None,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep", help="Measure batches of scripts, with every preset or that of --preset."
        ),
    ] = False,
    first_audio: Annotated[
        bool,
        typer.Option(
            "--first-audio",
            help="Measure when a listener hears the first sound, with --flow-mode streaming.",
        ),
    ] = False,
    scripts: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Measure N short scripts: in one batch, one by one, and in a loop.",
        ),
    ] = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Scripts at a time: of --sweep (repeatable; default: 1, 4, 16 and 64) or of "
            "--scripts (default: as many as memory allows).",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", parser=named_path, help="Also draw the --sweep (.svg)."),
    ] = None,
    seed: SeedOption = _SYNTHESIS.seed,
) -> None:
    """Measure speed and memory of every stage, on three single turns and a dialogue.

    \b
    Examples:
      podtts bench
      podtts bench --random-weights soulx-podcast-1.7b --workload short
      podtts bench --sweep --batch 1 --batch 8 --picture sweep.svg

    --quality, --sweep, --scripts and --first-audio measure something else instead.
    docs/bench.md explains the tables and the JSON.
    """
    check_bench_flags(context)
    if speed.flow_cache is not None and speed.chosen_preset().flow.mode != "streaming":
        refuse_idle({"--flow-cache": "--flow-mode streaming"})
    heard_by = recognizer_on_this_machine(recognizer) if quality else None
    if picture is not None:
        check_text_file(picture)
    if json_file == "-" and sys.stdout is None:
        raise UsageError("there is no stdout to write the figures to", "name a file")
    if json_file is not None and json_file != "-":
        check_text_file(Path(json_file))
    speed.chosen_preset()  # an unknown name is reported before anything is loaded
    checkpoint = None if random_weights is not None else model_directory(model)
    from podtts.bench.model_under_test import ModelUnderTest

    subject, svg = ModelUnderTest(checkpoint, random_weights), ""
    if quality:
        output = _quality(subject, speed, seed, heard_by)
    elif sweep:
        preset = speed.preset if is_on_command_line(context, "preset") else None
        output, svg = _sweep(subject, speed, seed, workload or [], batch or [], preset)
    elif first_audio:
        output = _first_audio(subject, speed, seed, workload or [], repeat)
    elif scripts is not None:
        output = _scripts(subject, speed, seed, scripts, batch or [], repeat)
    else:
        output = _stages(subject, speed, seed, workload or [], repeat, against)
    _print(output, json_file)
    if picture is not None:
        write_text_file(picture, svg)


def _stages(
    model: ModelUnderTest,
    speed: SpeedFlags,
    seed: int,
    workloads: Sequence[str],
    repeats: int,
    against: str | None,
) -> Output:
    """Measure every stage on the workloads."""
    from podtts.bench.report import notes, to_json, to_tables
    from podtts.bench.run import BenchPlan, run_bench
    from podtts.bench.workload import find_workloads

    placement = speed.placement()
    # Without retries: a turn that was synthesized twice would count as one slow turn.
    options = SynthesisOptions(
        seed=seed, sampling=model.sampling(), flow=speed.flow_on(placement), retries=0
    )
    plan = BenchPlan(
        model=model,
        # The weights are loaded as they are stored: the published recipe needs them so.
        placement=replace(placement, quantize="none"),
        quantize=placement.quantize,
        options=options,
        preset=speed.preset,
        workloads=find_workloads(workloads),
        repeats=repeats,
        against_published=against == "published",
        flow_cache=speed.flow_cache_mb,
    )
    report = run_bench(plan, warn, _progress)
    return [*to_tables(report), notes(report)], to_json(report)


def _quality(
    model: ModelUnderTest, speed: SpeedFlags, seed: int, recognizer: Path | None
) -> Output:
    """Compare the presets. recognizer: see `measure_checkpoint`.

    Raises UsageError for random weights.
    """
    if model.checkpoint is None:
        raise UsageError("random weights have no quality to compare", "leave out --random-weights")
    from podtts.bench.quality import measure_checkpoint, quality_json
    from podtts.bench.report import quality_table

    options = SynthesisOptions(seed=seed, sampling=model.sampling())
    qualities = measure_checkpoint(model.checkpoint, speed.placement, options, recognizer, warn)
    return [quality_table(model.name, qualities)], quality_json(qualities)


def _sweep(
    model: ModelUnderTest,
    speed: SpeedFlags,
    seed: int,
    workloads: Sequence[str],
    batches: Sequence[int],
    preset: str | None,
) -> tuple[Output, str]:
    """Measure batches; also return their picture. preset: its name; None: all presets."""
    from podtts.bench.picture import sweep_svg
    from podtts.bench.report import sweep_table
    from podtts.bench.sweep import BATCHES, SweepPlan, sweep, sweep_json, sweep_title
    from podtts.bench.workload import find_workloads

    if len(workloads) > 1:
        raise UsageError("--sweep takes one --workload", "give one of them")
    [workload] = find_workloads(workloads or [_SWEEP_WORKLOAD])
    placement = speed.placement("none")
    presets = {}
    for name in [preset] if preset is not None else PRESETS:
        chosen = choose_preset(name, None, None, None, None)
        quantize = speed.placement(chosen.quantize).quantize
        presets[name] = Preset(quantize, suited(chosen.flow, placement))
    plan = SweepPlan(
        model=model,
        placement=placement,
        workload=workload,
        batches=batches or BATCHES,
        presets=presets,
        options=SynthesisOptions(seed=seed, retries=0),
    )
    points, title = list(sweep(plan, warn, _progress)), sweep_title(plan)
    output = [sweep_table(title, points)], sweep_json(plan, points)
    return output, sweep_svg(title, points)


def _scripts(
    model: ModelUnderTest,
    speed: SpeedFlags,
    seed: int,
    count: int,
    batches: Sequence[int],
    rounds: int,
) -> Output:
    """Measure many short scripts."""
    from podtts.bench.report import scripts_notes, scripts_table
    from podtts.bench.scripts import ScriptsPlan, measure_scripts, scripts_json

    if len(batches) > 1:
        raise UsageError("--scripts takes one --batch", "give one of them")
    placement = speed.placement()
    flags = asdict(speed) | {"seed": seed}
    plan = ScriptsPlan(
        model=model,
        count=count,
        rows=batches[0] if batches else None,
        rounds=rounds,
        options=SynthesisOptions(
            seed=seed, sampling=model.sampling(), flow=speed.flow_on(placement)
        ),
        placement=placement,
        flags=[
            f"--{name.replace('_', '-')}={value}"
            for name, value in flags.items()
            if value is not None
        ],
        preset=speed.preset,
    )
    report = measure_scripts(plan, warn, _progress)
    return [scripts_table(report), scripts_notes(report)], scripts_json(report)


def _first_audio(
    model: ModelUnderTest, speed: SpeedFlags, seed: int, workloads: Sequence[str], repeats: int
) -> Output:
    """Measure what a listener of a stream has."""
    from podtts.bench.first_audio import FirstAudioPlan, first_audio_json, measure_first_audio
    from podtts.bench.report import first_audio_notes, first_audio_table
    from podtts.bench.workload import find_workloads

    if len(workloads) > 1:
        raise UsageError("--first-audio takes one --workload", "give one of them")
    [workload] = find_workloads(workloads or [_FIRST_AUDIO_WORKLOAD])
    placement = speed.placement()
    plan = FirstAudioPlan(
        model=model,
        placement=placement,
        workload=workload,
        options=SynthesisOptions(
            seed=seed, sampling=model.sampling(), flow=speed.flow_on(placement), retries=0
        ),
        preset=speed.preset,
        repeats=repeats,
        megabytes=speed.flow_cache_mb,
    )
    report = measure_first_audio(plan, warn, _progress)
    return [first_audio_table(report), first_audio_notes(report)], first_audio_json(report)


def _progress(line: str) -> None:
    """Print a line before every run if somebody watches."""
    if sys.stderr.isatty():
        say(line)


def _print(output: Output, json_file: str | None) -> None:
    """Print the tables and write the JSON. Raises DiskError if the file cannot be written."""
    from rich.console import Console

    tables, as_json = output
    if json_file == "-":
        sys.stdout.write(as_json)
        return
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    console = Console(width=None if is_terminal else _PIPE_COLUMNS)
    for table in tables:
        console.print(table, highlight=False)
    if json_file is not None:
        write_text_file(Path(json_file), as_json)
