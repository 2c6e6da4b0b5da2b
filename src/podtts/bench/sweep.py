"""Speed over batch sizes: so many scripts side by side, under every preset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import podtts
from podtts.bench.cast import Cast, speaker_prompts
from podtts.bench.measure import WARM_UP
from podtts.bench.workload import Workload
from podtts.device.memory import peak_memory_bytes, reset_peak_memory
from podtts.device.stopwatch import Stopwatch
from podtts.engine.engine import Engine
from podtts.engine.request import Request, RequestFailed, TurnFinished
from podtts.llm.prefix import PrefixStore
from podtts.options import SynthesisOptions
from podtts.presets import Preset
from podtts.values import SpeakerPrompt, StageSeconds
from podtts.weights.load import Models

SCHEMA = "podtts-sweep/1"
BATCHES = (1, 4, 16, 64)


@dataclass(frozen=True)
class SweepPoint:
    """One preset with so many scripts at once, over all of them."""

    preset: str
    batch: int
    audio_seconds: float
    wall_seconds: float
    stages: StageSeconds  # may add up to less than the wall, or to more where they overlap
    peak_memory_bytes: int

    @property
    def rtf(self) -> float:
        """Seconds on the wall per second of audio of all scripts together."""
        return self.wall_seconds / self.audio_seconds

    def rtf_by_stage(self) -> dict[str, float]:
        """The RTF's parts by stage, and what lies between them.

        Stages that work at the same time share its seconds in proportion to their own.
        """
        seconds = asdict(self.stages)
        shared = self.wall_seconds / max(self.stages.total, self.wall_seconds)
        parts = {name: shared * one / self.audio_seconds for name, one in seconds.items()}
        return parts | {"rest": max(0.0, self.rtf - sum(parts.values()))}


@dataclass(frozen=True)
class SweepPlan:
    """What is swept over. retries are none, and the seed of every script is its own."""

    model: str
    device: str
    dtype: str
    workload: Workload
    batches: tuple[int, ...]
    presets: dict[str, Preset]
    options: SynthesisOptions
    random_weights: bool  # turns then get the length that their text prescribes


def sweep(
    plan: SweepPlan,
    load: Callable[[Preset], Models],
    cast: Callable[[Models], Cast],
    prefixes: Callable[[str], PrefixStore],
    tell: Callable[[str], None],
) -> Iterator[SweepPoint]:
    """Measure every preset at every batch size, yielding each as soon as it is known.

    load:     models for a preset. cast: the speakers for a model.
    prefixes: where the LLM's state after the prompts is kept, for a preset.
    """
    for name, preset in plan.presets.items():
        tell(f"loading for {name}")
        models = load(preset)
        prompts = speaker_prompts(cast(models).cached())
        options = replace(plan.options, flow=preset.flow)
        store = prefixes(name)
        tell(f"warm-up: {name}")
        list(_spoken(models, store, [script_job(0, WARM_UP, prompts, options, plan)], 1))
        for batch in plan.batches:
            tell(f"{name}, {batch} at once")
            jobs = [
                script_job(number, plan.workload, prompts, options, plan) for number in range(batch)
            ]
            yield speak_point(name, batch, models, store, jobs)


def script_job(
    number: int,
    workload: Workload,
    prompts: Sequence[SpeakerPrompt],
    options: SynthesisOptions,
    plan: SweepPlan,
) -> Request:
    """A script of the sweep, with a seed of its own."""
    own = replace(options, seed=options.seed + number)
    if plan.random_weights:
        own = workload.prescribed(own)
    return Request(f"script {number}", workload.script, prompts, own)


def speak_point(
    preset: str, batch: int, models: Models, store: PrefixStore, jobs: Sequence[Request]
) -> SweepPoint:
    """Speak scripts side by side, so many at once, and measure."""
    reset_peak_memory(models.device)
    audio, stages = 0.0, StageSeconds()
    with Stopwatch(models.device) as wall:
        for seconds, work in _spoken(models, store, jobs, batch):
            audio += seconds
            stages += work
    return SweepPoint(preset, batch, audio, wall.seconds, stages, peak_memory_bytes(models.device))


def _spoken(
    models: Models, store: PrefixStore, jobs: Sequence[Request], rows: int
) -> Iterator[tuple[float, StageSeconds]]:
    for event in Engine(models, store, rows=rows).run(jobs):
        if isinstance(event, RequestFailed):
            raise event.error
        if isinstance(event, TurnFinished):
            yield event.audio.seconds, event.audio.work


def sweep_json(plan: SweepPlan, points: Sequence[SweepPoint]) -> str:
    """The points as JSON (schema in docs/bench.md)."""
    content = {
        "schema": SCHEMA,
        "podtts": podtts.__version__,
        "model": plan.model,
        "random_weights": plan.random_weights,
        "device": plan.device,
        "llm_dtype": plan.dtype,
        "workload": plan.workload.name,
        "seed": plan.options.seed,
        "points": [
            {
                "preset": one.preset,
                "batch": one.batch,
                "audio_seconds": one.audio_seconds,
                "wall_seconds": one.wall_seconds,
                "rtf": one.rtf,
                "rtf_by_stage": one.rtf_by_stage(),
                "peak_memory_bytes": one.peak_memory_bytes,
            }
            for one in points
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
