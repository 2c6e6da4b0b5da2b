"""`podtts bench --scripts`: many short scripts in one batch, one by one, and in a loop."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import podtts
from podtts.batch.memory import rows_that_fit
from podtts.bench.batch_synthesis import synthesize_batch
from podtts.bench.command_variants import CommandVariants
from podtts.bench.model_under_test import ModelUnderTest
from podtts.bench.short_scripts import prescribed_requests
from podtts.bench.speakers import speaker_prompts
from podtts.bench.variants import Variant, VariantTimes, measure_variants
from podtts.device.placement import Placement, device_label
from podtts.engine.request import Request
from podtts.llm.prefix import PrefixStore
from podtts.llm.quantized import quantize_llm
from podtts.options import SynthesisOptions
from podtts.prompts.cache import PromptCache
from podtts.weights.load import Models

SCHEMA = "podtts-scripts/1"


@dataclass(frozen=True)
class ScriptsPlan:
    """What is measured."""

    model: ModelUnderTest
    count: int  # scripts
    rows: int | None  # scripts at a time; None: as many as memory allows
    rounds: int
    options: SynthesisOptions
    placement: Placement
    flags: Sequence[str]  # of a command with the same options and placement
    preset: str  # what the report calls them


@dataclass(frozen=True)
class ScriptsReport:
    """The times of all variants, the first of which is the batch."""

    plan: ScriptsPlan
    variants: Sequence[VariantTimes]
    same_files: int | None  # of the batch, that equal those of the single calls; None: random


def measure_scripts(
    plan: ScriptsPlan, warn: Callable[[str], None], progress: Callable[[str], None]
) -> ScriptsReport:
    """Measure all variants. Raises PodttsError when one of them fails."""
    with tempfile.TemporaryDirectory(prefix="podtts-bench-") as folder:
        if plan.model.checkpoint is None:
            return ScriptsReport(plan, _measure_engine(plan, Path(folder), warn, progress), None)
        commands = CommandVariants(
            plan.model.checkpoint,
            Path(folder),
            scripts=plan.count,
            rows=plan.rows,
            options=plan.options,
            placement=plan.placement,
            flags=plan.flags,
            warn=warn,
        )
        progress("warm-up")
        commands.warm_up()
        times = measure_variants(commands.variants(), plan.rounds, plan.placement.device, progress)
        return ScriptsReport(plan, times, commands.same_files())


def _measure_engine(
    plan: ScriptsPlan,
    folder: Path,
    warn: Callable[[str], None],
    progress: Callable[[str], None],
) -> list[VariantTimes]:
    """Measure random weights in this process: commands could not load them from a folder."""
    models, _ = plan.model.load(plan.placement)
    quantize_llm(models.llm, plan.placement.quantize)
    speakers = plan.model.speakers(models, PromptCache(folder, warn))
    prompts = speaker_prompts(speakers.cached())
    requests = prescribed_requests(plan.count, prompts, plan.options)
    rows = plan.rows or rows_that_fit(models, requests[0].options, share=1)
    rows = min(rows, plan.count)
    progress("warm-up")
    synthesize = partial(batch_seconds, models, PrefixStore(folder, {}, warn))
    synthesize(requests[:1], 1)
    variants = [
        Variant(f"{rows} side by side", partial(synthesize, requests, rows)),
        Variant("one after the other", partial(synthesize, requests, 1)),
    ]
    return measure_variants(variants, plan.rounds, models.device, progress)


def batch_seconds(
    models: Models, prefixes: PrefixStore, requests: Sequence[Request], rows: int
) -> float:
    """Synthesize requests, `rows` at a time, and return the seconds of audio."""
    return sum(turn.seconds for turn in synthesize_batch(models, prefixes, requests, rows))


def scripts_json(report: ScriptsReport) -> str:
    """Return the figures as JSON (schema in docs/bench.md)."""
    plan, first = report.plan, report.variants[0]
    content = {
        "schema": SCHEMA,
        "podtts": podtts.__version__,
        "model": plan.model.name,
        "random_weights": plan.model.is_random,
        "scripts": plan.count,
        "rounds": plan.rounds,
        "same_files": report.same_files,
        "device": device_label(plan.placement.device),
        "llm_dtype": plan.placement.dtype_name,
        "preset": plan.preset,
        "seed": plan.options.seed,
        "ways": [
            {
                "way": variant.name,
                "audio_seconds": list(variant.audio_seconds),
                "wall_seconds": list(variant.wall_seconds),
                "rtf": median(variant.rtfs),
                "ratio": median(variant.ratios(first)),
            }
            for variant in report.variants
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
