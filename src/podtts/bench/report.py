"""The results of a benchmark: tables for people, JSON for programs (schema in docs/bench.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

import podtts
from podtts.bench.measure import WARM_UP, Spread, WorkloadResult, ratios, spread

if TYPE_CHECKING:
    from rich.table import Table

    from podtts.bench.decode_step import DecodeStep
    from podtts.bench.first_audio import FirstAudioReport
    from podtts.bench.model_under_test import Loading
    from podtts.bench.quality import Quality
    from podtts.bench.scripts import ScriptsReport
    from podtts.bench.sweep import SweepPoint

SCHEMA = "podtts-bench/2"  # raise the number when a field is removed or changes its meaning


@dataclass(frozen=True)
class Setting:
    """The setting that the numbers hold for."""

    model: str  # name or folder
    random_weights: bool  # then texts prescribe the length of turns
    untrained: bool
    device: str
    llm_dtype: str
    preset: str
    quantize: str
    flow_steps: int
    flow_solver: str
    flow_precision: str  # of the estimator and most of the vocoder's convolutions
    flow_guided_start: bool  # whether guidance applies at time 0, too
    flow_mode: str
    threads: int
    seed: int
    repeats: int
    torch: str


@dataclass(frozen=True)
class Against:
    """The results of the other system."""

    recipe: str
    llm_dtype: str
    flow_steps: int
    own_weights: bool  # a second copy of the LLM is in memory, and in all peak memory figures
    transformers: str
    results: tuple[WorkloadResult, ...]


@dataclass(frozen=True)
class BenchReport:
    """All results of one run of `podtts bench`."""

    setting: Setting
    loading: Loading
    results: tuple[WorkloadResult, ...]
    against: Against | None = None
    decode_step: DecodeStep | None = None  # of podtts' LLM


def to_json(report: BenchReport) -> str:
    """Return the report as JSON with finite numbers; null for a number that does not exist."""
    step = report.decode_step
    content = {
        "schema": SCHEMA,
        "podtts": podtts.__version__,
        **asdict(report.setting),
        "warm_up": WARM_UP.name,
        "loading": asdict(report.loading),
        "workloads": [_workload(result) for result in report.results],
        "decode": step and (asdict(step) | {"ratio": step.ratio}),
        "against": report.against and _against(report.results, report.against),
    }
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _workload(result: WorkloadResult) -> dict[str, object]:
    return {
        "workload": result.workload.name,
        "turns": len(result.workload.texts),
        "characters": result.workload.characters,
        "summary": _spreads(result.spreads()),
        "repeats": [repeat.metrics() for repeat in result.repeats],
    }


def _against(ours: Sequence[WorkloadResult], against: Against) -> dict[str, object]:
    return {
        "recipe": against.recipe,
        "llm_dtype": against.llm_dtype,
        "flow_steps": against.flow_steps,
        "own_weights": against.own_weights,
        "transformers": against.transformers,
        "workloads": [
            _workload(theirs) | {"ratio": _spreads(ratios(own, theirs))}
            for own, theirs in zip(ours, against.results, strict=True)
        ],
    }


def _spreads(spreads: Mapping[str, Spread | None]) -> dict[str, object]:
    return {name: values and asdict(values) for name, values in spreads.items()}


def to_tables(report: BenchReport) -> list[Table]:
    """Return the tables of a report: podtts, and if there is one the other system and ratios."""
    setting, against = report.setting, report.against
    weights = " (random weights)" if setting.random_weights else ""
    quantized = "" if setting.quantize == "none" else f" with {setting.quantize} weights"
    title = (
        f"podtts {podtts.__version__} {setting.preset}, {setting.model}{weights}, "
        f"{setting.device}, LLM {setting.llm_dtype}{quantized}, "
        f"flow {setting.flow_precision}, {setting.flow_steps} {setting.flow_solver} steps, "
        f"mode {setting.flow_mode}"
    )
    ours = _figures(title, report.results)
    if against is None:
        return [ours]
    weights = "weights of its own" if against.own_weights else "the same weights in memory"
    title = (
        f"{against.recipe} recipe with transformers {against.transformers}, "
        f"LLM {against.llm_dtype}, {weights}, {against.flow_steps} flow steps"
    )
    theirs = _figures(title, against.results)
    return [ours, theirs, _ratios(against.recipe, report.results, against.results)]


def notes(report: BenchReport) -> str:
    """Return the notes below the tables, in whole lines."""
    setting = report.setting
    runs = "one run" if setting.repeats == 1 else f"medians of {setting.repeats} runs"
    lengths = "prescribed by the text" if setting.random_weights else "as the model ends its turns"
    return (
        f"{runs} after a warm-up on {WARM_UP.name}, which is not counted; batch 1, seed "
        f"{setting.seed}; turn lengths: {lengths}\n"
        "RTF: seconds of work per second of audio, with prompts from the cache if there is one\n"
        f"loading took {report.loading.seconds:.1f} s and "
        f"{report.loading.peak_memory_bytes / 1e9:.2f} GB"
        + (f"\n{report.decode_step.summary()}" if report.decode_step else "")
    )


_Format = Callable[[float], str]
_COLUMNS: tuple[tuple[str, str, _Format, bool], ...] = (  # heading, figure, format, with spread
    ("audio s", "audio_seconds", "{:.2f}".format, False),
    ("prompts\ncold s", "prompt_cold_seconds", "{:.2f}".format, False),
    ("prompts\ncached s", "prompt_cached_seconds", "{:.4f}".format, False),
    ("LLM s", "llm_seconds", "{:.2f}".format, False),
    ("flow s", "flow_seconds", "{:.2f}".format, False),
    ("vocoder s", "vocoder_seconds", "{:.2f}".format, False),
    ("total s", "total_seconds", "{:.2f}".format, False),
    ("RTF", "rtf", "{:.3f}".format, True),
    ("LLM\ntokens/s", "llm_tokens_per_second", "{:.1f}".format, True),
    ("peak\nGB", "peak_memory_bytes", lambda value: f"{value / 1e9:.2f}", False),
)


def _figures(title: str, results: Sequence[WorkloadResult]) -> Table:
    table = _table(title, "workload", [heading for heading, *_ in _COLUMNS])
    for result in results:
        spreads = result.spreads()
        cells = (
            _cell(spreads[figure], shown, with_spread and len(result.repeats) > 1)
            for _, figure, shown, with_spread in _COLUMNS
        )
        table.add_row(result.workload.name, *cells)
    return table


def _ratios(recipe: str, ours: Sequence[WorkloadResult], theirs: Sequence[WorkloadResult]) -> Table:
    by_workload = [ratios(own, other) for own, other in zip(ours, theirs, strict=True)]
    title = f"{recipe} / podtts: above 1, podtts is faster"
    table = _table(title, "workload", list(by_workload[0]))
    for result, stages in zip(ours, by_workload, strict=True):
        several = len(result.repeats) > 1
        cells = (_cell(ratio, "{:.2f}".format, several) for ratio in stages.values())
        table.add_row(result.workload.name, *cells)
    return table


def _table(title: str, first: str, headings: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    # As Text, in which rich reads no markup: the name of a folder may contain brackets.
    table = Table(title=Text(title), title_justify="left")
    table.add_column(first)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _cell(values: Spread | None, shown: _Format, with_spread: bool) -> str:
    if values is None:
        return "–"
    if not with_spread:
        return shown(values.median)
    return f"{shown(values.median)}\n({shown(values.lowest)}–{shown(values.highest)})"


def quality_table(model: str, qualities: Sequence[Quality]) -> Table:
    """Return the table of the presets' quality, a row each."""
    headings = (
        "turns",
        "same token",
        "divergence",
        "mel distance",
        "voice cosine",
        "words",
        "naturalness",
        "RTF",
    )
    title = f"quality of the presets beside faithful, {model}"
    if heard_by := qualities[0].recognizer:
        title += f", words heard by {heard_by}"
    table = _table(title, "preset", headings)
    for quality in qualities:
        cosine, accuracy = quality.embedding_cosine, quality.word_accuracy
        naturalness = quality.naturalness
        table.add_row(
            quality.preset,
            str(quality.texts),
            f"{100 * quality.token_agreement:.1f} %",
            f"{quality.token_divergence:.4f}",
            f"{quality.mel_distance:.3f}",
            "-" if cosine is None else f"{cosine:.4f}",
            "-" if accuracy is None else f"{100 * accuracy:.1f} %",
            "-" if naturalness is None else f"{naturalness:.2f}",
            f"{quality.rtf:.3g}",
        )
    return table


def sweep_table(title: str, points: Sequence[SweepPoint]) -> Table:
    """Return the table of a sweep, a row for every preset and batch size."""
    headings = ("batch", "audio s", "wall s", "LLM", "flow", "vocoder", "RTF", "peak GB")
    table = _table(title, "preset", headings)
    for point in points:
        stages = point.rtf_by_stage()
        figures = (stages["llm"], stages["flow"], stages["vocoder"], point.rtf)
        table.add_row(
            point.preset,
            str(point.batch),
            f"{point.audio_seconds:.1f}",
            f"{point.wall_seconds:.1f}",
            *(f"{figure:.3g}" for figure in figures),
            f"{point.peak_memory_bytes / 1e9:.2f}",
        )
    return table


def scripts_table(report: ScriptsReport) -> Table:
    """Return the table of all variants, a row each."""
    plan, first = report.plan, report.variants[0]
    weights = " (random weights)" if plan.model.is_random else ""
    title = f"podtts {podtts.__version__} {plan.preset}, {plan.model.name}{weights}"
    headings = ("audio s", "wall s", "RTF", "times as long")
    table = _table(f"{title}, {plan.placement}", "way", headings)
    for variant in report.variants:
        columns = (
            (variant.audio_seconds, "{:.1f}".format),
            (variant.wall_seconds, "{:.1f}".format),
            (variant.rtfs, "{:.3f}".format),
        )
        cells = [
            _cell(spread(values), shown, shown(min(values)) != shown(max(values)))
            for values, shown in columns
        ]
        table.add_row(variant.name, *cells, f"{median(variant.ratios(first)):.2f}")
    return table


def scripts_notes(report: ScriptsReport) -> str:
    """Return the notes below that table, in whole lines."""
    scripts = f"{report.plan.count} scripts of two turns"
    if report.same_files is None:
        return f"{scripts}; loading is not counted"
    return (
        f"{scripts}; loading is counted, and the start of every process; the loop runs in this "
        f"process\nfiles of the batch that equal those of the single calls: {report.same_files}"
    )


def first_audio_table(report: FirstAudioReport) -> Table:
    """Return the table of what a listener has, a row each for a cold and a warm run."""
    plan = report.plan
    weights = " (random weights)" if plan.model.is_random else ""
    title = f"podtts {podtts.__version__} {plan.preset}, {plan.model.name}{weights}"
    headings = ("first sound s", "prebuffer s", "audio s", "wall s", "RTF", "peak GB")
    table = _table(f"{title}, {plan.placement}", plan.workload.name, headings)
    for kind, runs in (("cold", report.cold), ("warm", report.warm)):
        columns = (
            ([run.first_seconds for run in runs], "{:.2f}".format),
            ([run.prebuffer_seconds for run in runs], "{:.2f}".format),
            ([run.audio_seconds for run in runs], "{:.1f}".format),
            ([run.wall_seconds for run in runs], "{:.1f}".format),
            ([run.rtf for run in runs], "{:.3f}".format),
            ([run.peak_memory_bytes / 1e9 for run in runs], "{:.2f}".format),
        )
        cells = [
            _cell(spread(values), shown, shown(min(values)) != shown(max(values)))
            for values, shown in columns
        ]
        table.add_row(kind, *cells)
    return table


def first_audio_notes(report: FirstAudioReport) -> str:
    """Return the notes below that table, in whole lines."""
    runs = "one run" if report.plan.repeats == 1 else f"medians of {report.plan.repeats} runs"
    return (
        f"{runs}; models are loaded, and the LLM's state after the prompts is on disk\n"
        "cold: the flow solves the voices; warm: it has solved them before\n"
        "prebuffer: how long a player must wait after the first sound so that it never stops"
    )
