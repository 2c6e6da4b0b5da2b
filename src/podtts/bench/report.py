"""What a benchmark found: a table for people, JSON for scripts (schema in docs/bench.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import podtts
from podtts.bench.measure import WARM_UP, Row, Spread, ratios

if TYPE_CHECKING:
    from rich.table import Table

    from podtts.bench.floor import Floor
    from podtts.bench.quality import Quality
    from podtts.bench.sweep import SweepPoint

SCHEMA = "podtts-bench/2"  # raise the number when a field changes its meaning or goes


@dataclass(frozen=True)
class Setting:
    """What the numbers hold for."""

    model: str  # name or folder
    random_weights: bool  # turn lengths are then prescribed by the text
    untrained: bool
    device: str
    llm_dtype: str
    preset: str
    quantize: str
    flow_steps: int
    flow_solver: str
    flow_precision: str  # of the estimator and most of the vocoder's convolutions
    flow_guided_start: bool  # whether guidance applies at time 0, too
    threads: int
    seed: int
    repeats: int
    torch: str


@dataclass(frozen=True)
class Loading:
    """What it took to have the models ready."""

    seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Against:
    """The other side."""

    recipe: str
    llm_dtype: str
    flow_steps: int
    own_weights: bool  # it holds a second copy of the LLM, which all peak memory includes
    transformers: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class BenchReport:
    """All that a run of `podtts bench` found."""

    setting: Setting
    loading: Loading
    rows: tuple[Row, ...]
    against: Against | None = None
    floor: Floor | None = None  # of our LLM's decode steps


def to_json(report: BenchReport) -> str:
    """Return the report as JSON: finite numbers, null where there is none."""
    content = {
        "schema": SCHEMA,
        "podtts": podtts.__version__,
        **asdict(report.setting),
        "warm_up": WARM_UP.name,
        "loading": asdict(report.loading),
        "workloads": [_row(row) for row in report.rows],
        "decode": report.floor and (asdict(report.floor) | {"ratio": report.floor.ratio}),
        "against": report.against and _against(report.rows, report.against),
    }
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _row(row: Row) -> dict[str, object]:
    return {
        "workload": row.workload.name,
        "turns": len(row.workload.texts),
        "characters": row.workload.characters,
        "summary": _spreads(row.spreads()),
        "repeats": [sample.metrics() for sample in row.samples],
    }


def _against(ours: Sequence[Row], against: Against) -> dict[str, object]:
    return {
        "recipe": against.recipe,
        "llm_dtype": against.llm_dtype,
        "flow_steps": against.flow_steps,
        "own_weights": against.own_weights,
        "transformers": against.transformers,
        "workloads": [
            _row(row) | {"ratio": _spreads(ratios(one, row))}
            for one, row in zip(ours, against.rows, strict=True)
        ],
    }


def _spreads(spreads: Mapping[str, Spread | None]) -> dict[str, object]:
    return {name: one and asdict(one) for name, one in spreads.items()}


def to_tables(report: BenchReport) -> list[Table]:
    """Return the tables of a report: ours; theirs and the ratios if it has them."""
    setting, against = report.setting, report.against
    weights = " (random weights)" if setting.random_weights else ""
    quantized = "" if setting.quantize == "none" else f" with {setting.quantize} weights"
    title = (
        f"podtts {podtts.__version__} {setting.preset}, {setting.model}{weights}, "
        f"{setting.device}, LLM {setting.llm_dtype}{quantized}, "
        f"flow {setting.flow_precision}, {setting.flow_steps} {setting.flow_solver} steps"
    )
    ours = _figures(title, report.rows)
    if against is None:
        return [ours]
    weights = "weights of its own" if against.own_weights else "the same weights in memory"
    title = (
        f"{against.recipe} recipe with transformers {against.transformers}, "
        f"LLM {against.llm_dtype}, {weights}, {against.flow_steps} flow steps"
    )
    theirs = _figures(title, against.rows)
    return [ours, theirs, _ratios(against.recipe, report.rows, against.rows)]


def notes(report: BenchReport) -> str:
    """Return what a reader of the tables must know, in whole lines."""
    setting = report.setting
    runs = "one run" if setting.repeats == 1 else f"medians of {setting.repeats} runs"
    lengths = "prescribed by the text" if setting.random_weights else "as the model ends its turns"
    return (
        f"{runs} after a warm-up on {WARM_UP.name}, which is not counted; batch 1, seed "
        f"{setting.seed}; turn lengths: {lengths}\n"
        "RTF: seconds of work per second of audio; prompts count as read from the cache, where "
        "there is one\n"
        f"loading took {report.loading.seconds:.1f} s and "
        f"{report.loading.peak_memory_bytes / 1e9:.2f} GB"
        + (f"\n{report.floor.told()}" if report.floor else "")
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


def _figures(title: str, rows: Sequence[Row]) -> Table:
    table = _table(title, [heading for heading, *_ in _COLUMNS])
    for row in rows:
        spreads = row.spreads()
        cells = (
            _cell(spreads[figure], shown, with_spread and len(row.samples) > 1)
            for _, figure, shown, with_spread in _COLUMNS
        )
        table.add_row(row.workload.name, *cells)
    return table


def _ratios(recipe: str, ours: Sequence[Row], theirs: Sequence[Row]) -> Table:
    found = [ratios(one, other) for one, other in zip(ours, theirs, strict=True)]
    table = _table(f"{recipe} / podtts: above 1, podtts is faster", list(found[0]))
    for row, stages in zip(ours, found, strict=True):
        several = len(row.samples) > 1
        cells = (_cell(one, "{:.2f}".format, several) for one in stages.values())
        table.add_row(row.workload.name, *cells)
    return table


def _table(title: str, headings: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    # As Text, in which rich reads no markup: a folder's name may hold brackets.
    table = Table(title=Text(title), title_justify="left")
    table.add_column("workload")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _cell(spread: Spread | None, shown: _Format, with_spread: bool) -> str:
    if spread is None:
        return "–"
    if not with_spread:
        return shown(spread.median)
    return f"{shown(spread.median)}\n({shown(spread.lowest)}–{shown(spread.highest)})"


def quality_table(model: str, qualities: Sequence[Quality]) -> Table:
    """What the presets cost, a row each."""
    from rich.table import Table

    table = Table(title=f"quality of the presets beside faithful, {model}", title_justify="left")
    table.add_column("preset")
    headings = ("turns", "same token", "divergence", "mel distance", "voice cosine", "words", "RTF")
    for heading in headings:
        table.add_column(heading, justify="right")
    for one in qualities:
        cosine = "-" if one.embedding_cosine is None else f"{one.embedding_cosine:.4f}"
        right = "-" if one.word_accuracy is None else f"{100 * one.word_accuracy:.1f} %"
        table.add_row(
            one.preset,
            str(one.texts),
            f"{100 * one.token_agreement:.1f} %",
            f"{one.token_divergence:.4f}",
            f"{one.mel_distance:.3f}",
            cosine,
            right,
            f"{one.rtf:.3g}",
        )
    return table


def sweep_table(title: str, points: Sequence[SweepPoint]) -> Table:
    """A sweep, a row for every preset and batch size."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    table.add_column("preset")
    for heading in ("batch", "audio s", "wall s", "LLM", "flow", "vocoder", "RTF", "peak GB"):
        table.add_column(heading, justify="right")
    for one in points:
        stages = one.rtf_by_stage()
        figures = (stages["llm"], stages["flow"], stages["vocoder"], one.rtf)
        table.add_row(
            one.preset,
            str(one.batch),
            f"{one.audio_seconds:.1f}",
            f"{one.wall_seconds:.1f}",
            *(f"{figure:.3g}" for figure in figures),
            f"{one.peak_memory_bytes / 1e9:.2f}",
        )
    return table
