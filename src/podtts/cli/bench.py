"""`podtts bench`: how fast this machine is, stage by stage, on texts that never change."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.bench_parts import load, make_cast, print_all, tell
from podtts.cli.flags import (
    DeviceOption,
    DtypeOption,
    FlowPrecisionOption,
    FlowSolverOption,
    FlowStepsOption,
    ModelOption,
    PresetOption,
    QuantizeOption,
    SeedOption,
    ThreadsOption,
)
from podtts.cli.locations import chosen_placement, model_directory
from podtts.cli.messages import warn
from podtts.cli.sampling_flags import sampling_options
from podtts.errors import UsageError, nearest
from podtts.options import SamplingOptions, SynthesisOptions
from podtts.presets import DEFAULT_PRESET, choose_preset, suited

if TYPE_CHECKING:
    from podtts.bench.recognizer import WordRecognizer
    from podtts.bench.report import BenchReport
    from podtts.presets import Preset
    from podtts.prompts.encoders import PromptEncoders
    from podtts.values import SpeakerPrompt
    from podtts.weights.load import Models

_SYNTHESIS = SynthesisOptions()
_RECIPES = ("published",)


def bench(
    context: typer.Context,
    model: ModelOption = None,
    random_weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A published model's sizes with random weights, in place of --model.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="RECIPE", help="published: beside it, the published code's recipe."),
    ] = None,
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="short, middle, long or dialogue (repeatable); default: all."
        ),
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Runs of every workload.")] = 3,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Also write JSON; - prints it in place of the tables."
        ),
    ] = None,
    quality: Annotated[
        bool,
        typer.Option("--quality", help="Compare the presets with faithful in place of all else."),
    ] = False,
    sweep: Annotated[
        bool,
        typer.Option("--sweep", help="Scripts side by side, under every preset, in place of all."),
    ] = False,
    scripts: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="N short scripts in one batch, in single calls and in a loop, in place of all.",
        ),
    ] = None,
    batch: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Of --sweep (repeatable), default: 1 4 16 64; of --scripts: as memory allows.",
        ),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of --sweep: also draw it (.svg).")
    ] = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = None,
    preset: PresetOption = DEFAULT_PRESET,
    quantize: QuantizeOption = None,
    flow_steps: FlowStepsOption = None,
    flow_solver: FlowSolverOption = None,
    flow_precision: FlowPrecisionOption = None,
    seed: SeedOption = _SYNTHESIS.seed,
) -> None:
    """Measure speed and memory of every stage, on a short, a middle and a long turn and a dialogue.

    docs/bench.md says how to read the table, and what the JSON holds.
    """
    _refuse(context, random_weights, against, json_file)
    chosen = choose_preset(preset, quantize, flow_steps, flow_solver, flow_precision)
    directory = None if random_weights is not None else model_directory(model)
    if quality:
        _show_quality(directory, device, dtype, threads, seed, json_file)
        return
    if sweep:
        from podtts.cli.bench_sweep import SweepRequest, show_sweep

        source = context.get_parameter_source("preset")
        show_sweep(
            SweepRequest(
                directory,
                random_weights,
                lambda kind: chosen_placement(device, dtype, kind, threads),
                workload or [],
                batch or [],
                preset if source is not None and source.name == "COMMANDLINE" else None,
                seed,
            ),
            json_file,
            picture,
        )
        return
    if scripts is not None:
        from podtts.cli.bench_scripts import ask_for_scripts, show_scripts

        given = {
            "--device": device,
            "--dtype": dtype,
            "--threads": threads,
            "--preset": preset,
            "--quantize": quantize,
            "--flow-steps": flow_steps,
            "--flow-solver": flow_solver,
            "--flow-precision": flow_precision,
            "--seed": seed,
        }
        placement = chosen_placement(device, dtype, chosen.quantize, threads)
        request = ask_for_scripts(scripts, batch or [], repeat, chosen, placement, directory, given)
        show_scripts(directory, random_weights or str(directory), request, json_file)
        return
    from podtts.bench.run import BenchPlan, run_bench
    from podtts.bench.workload import find_workloads
    from podtts.llm.prefix import PrefixStore
    from podtts.prompts.cache import PromptCache

    # The models are loaded whole: the published recipe beside ours keeps their weights.
    narrow = chosen_placement(device, dtype, chosen.quantize, threads, asked=quantize is not None)
    placement = replace(narrow, quantize="none")
    flow = chosen.flow if flow_precision is not None else suited(chosen.flow, placement)
    # No retries: a turn spoken again would be counted as one turn that took twice as long.
    sampling = SamplingOptions() if directory is None else sampling_options(directory)
    options = SynthesisOptions(seed=seed, sampling=sampling, flow=flow, retries=0)
    plan = BenchPlan(
        model=random_weights or str(directory),
        random_weights=random_weights is not None,
        workloads=find_workloads(workload or []),
        repeats=repeat,
        against_published=against == "published",
        options=options,
        preset=preset,
        quantize=narrow.quantize,
    )
    tell(f"loading {plan.model}")
    models, loading = load(directory, plan.model, placement)
    with tempfile.TemporaryDirectory(prefix="podtts-bench-") as folder:
        cast = make_cast(directory, models, PromptCache(Path(folder), warn))
        prefixes = PrefixStore(Path(folder), {}, warn)
        _show(run_bench(plan, models, cast, prefixes, loading, tell), json_file)


def _refuse(
    context: typer.Context, random_weights: str | None, against: str | None, json_file: str | None
) -> None:
    """Raise UsageError for flags that cannot be, before anything slow."""
    if against is not None and against not in _RECIPES:
        raise UsageError(
            f"unknown recipe {against!r}{nearest(against, _RECIPES)}", "use --against published"
        )
    # PODTTS_MODEL is but a default and may stand beside --random-weights.
    source = context.get_parameter_source("model")
    if random_weights is not None and source is not None and source.name == "COMMANDLINE":
        raise UsageError("--model and --random-weights exclude each other", "give one of them")
    if json_file is None or json_file == "-":
        return
    path = Path(json_file)
    if path.is_dir():
        raise UsageError(f"{json_file} is a folder", "name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", f"run: mkdir -p {path.parent}")


def _show_quality(
    directory: Path | None,
    device: str,
    dtype: str,
    threads: int | None,
    seed: int,
    json_file: str | None,
) -> None:
    """What the presets cost on a checkpoint. Raises UsageError for random weights."""
    if directory is None:
        raise UsageError("random weights have no quality to compare", "leave out --random-weights")
    from podtts.bench.quality import measure_quality, quality_json
    from podtts.bench.report import quality_table
    from podtts.weights.encoders import checkpoint_encoders
    from podtts.weights.load import load_models

    def load_preset(preset: Preset) -> Models:
        return load_models(directory, chosen_placement(device, dtype, preset.quantize, threads))

    encoders = checkpoint_encoders(directory)
    prompts = _quality_prompts(directory, encoders)
    options = SynthesisOptions(seed=seed, sampling=sampling_options(directory))
    found = measure_quality(load_preset, prompts, encoders, options, _ear())
    print_all([quality_table(str(directory), found)], quality_json(found), json_file)


def _ear() -> WordRecognizer | None:
    """Who hears the words, if somebody can."""
    from podtts.bench.quality import TEXTS
    from podtts.bench.recognizer import WordRecognizer

    try:
        return WordRecognizer.for_words_of(TEXTS)
    except UsageError as error:
        warn(f"{error}; {error.hint}")
        return None


def _quality_prompts(directory: Path, encoders: PromptEncoders) -> list[SpeakerPrompt]:
    """The bundled voices for the bundled model, else voices made up on the spot."""
    from podtts.bench.cast import recorded_cast, speaker_prompts
    from podtts.hub.bundled import bundled_cache, bundled_model
    from podtts.prompts.cache import PromptCache
    from podtts.prompts.casting import VoiceCasting
    from podtts.prompts.voices import VoiceStore
    from podtts.script.parse import parse_script
    from podtts.weights.voices import checkpoint_voices

    with tempfile.TemporaryDirectory(prefix="podtts-bench-") as folder:
        cache = PromptCache(Path(folder), warn)
        if directory != bundled_model():
            return speaker_prompts(recorded_cast(encoders, cache).cached())
        names = [voice.name for voice in VoiceStore(bundled_cache()).list()]
        script = parse_script("\n".join(f"[{name}] Hello." for name in names))
        voices = VoiceCasting(checkpoint_voices(directory, Path(folder), None, warn))
        return [member.prompt for member in voices.gather(script, {})]


def _show(report: BenchReport, json_file: str | None) -> None:
    from podtts.bench.report import notes, to_json, to_tables

    print_all([*to_tables(report), notes(report)], to_json(report), json_file)
