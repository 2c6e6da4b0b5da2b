"""`podtts bench --sweep`: speed over batch sizes, under every preset."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import podtts
from podtts.bench.batch_synthesis import synthesize_batch
from podtts.bench.measure import WARM_UP
from podtts.bench.model_under_test import ModelUnderTest
from podtts.bench.speakers import speaker_prompts
from podtts.bench.workload import Workload
from podtts.device.memory import peak_memory_bytes, reset_peak_memory
from podtts.device.placement import Placement, device_label, has_graphs
from podtts.device.stopwatch import Stopwatch
from podtts.engine.request import Request
from podtts.llm.prefix import PrefixStore
from podtts.llm.quantized import quantize_llm
from podtts.options import SynthesisOptions
from podtts.presets import Preset
from podtts.prompts.cache import PromptCache
from podtts.values import SpeakerPrompt, StageSeconds
from podtts.weights.load import Models

SCHEMA = "podtts-sweep/1"
BATCHES = (1, 4, 16, 64)


@dataclass(frozen=True)
class SweepPoint:
    """The figures of one preset and batch size, over all scripts of the batch."""

    preset: str
    batch: int
    audio_seconds: float
    wall_seconds: float
    stages: StageSeconds  # the sum is more than the wall's if stages work at the same time
    peak_memory_bytes: int

    @property
    def rtf(self) -> float:
        """Seconds on the clock per second of audio of all scripts together."""
        return self.wall_seconds / self.audio_seconds

    def rtf_by_stage(self) -> dict[str, float]:
        """Return the parts of the RTF by stage, and the `rest` between the stages.

        Stages that work at the same time share these seconds in proportion to their own.
        """
        share = self.wall_seconds / max(self.stages.total, self.wall_seconds)
        parts = {
            stage: share * seconds / self.audio_seconds
            for stage, seconds in self.stages.by_stage().items()
        }
        return parts | {"rest": max(0.0, self.rtf - sum(parts.values()))}


@dataclass(frozen=True)
class SweepPlan:
    """What is measured."""

    model: ModelUnderTest
    placement: Placement  # with the LLM's weights as they are stored
    workload: Workload
    batches: Sequence[int]
    presets: Mapping[str, Preset]
    options: SynthesisOptions  # a preset's flow takes the place of theirs


def sweep(
    plan: SweepPlan, warn: Callable[[str], None], progress: Callable[[str], None]
) -> Iterator[SweepPoint]:
    """Measure every preset at every batch size, and yield each point as soon as it is known."""
    with tempfile.TemporaryDirectory(prefix="podtts-bench-") as folder:
        for name, preset in plan.presets.items():
            progress(f"loading for {name}")
            models, _ = plan.model.load(plan.placement)
            quantize_llm(models.llm, preset.quantize)
            speakers = plan.model.speakers(models, PromptCache(Path(folder), warn))
            prompts = speaker_prompts(speakers.cached())
            prefixes = PrefixStore(Path(folder), {"preset": name}, warn)
            options = replace(plan.options, flow=preset.flow)
            progress(f"warm-up: {name}")
            warm_up = script_request(plan, 0, WARM_UP, prompts, options)
            list(synthesize_batch(models, prefixes, [warm_up], 1))
            for batch in plan.batches:
                progress(f"{name}, {batch} at a time")
                requests = [
                    script_request(plan, number, plan.workload, prompts, options)
                    for number in range(batch)
                ]
                if has_graphs(models.device):  # each size records what it repeats
                    progress(f"warm-up: {name}, {batch} at a time")
                    list(synthesize_batch(models, prefixes, requests, batch))
                point = measure_point(name, models, prefixes, requests)
                progress(f"{name}, {batch} at a time: RTF {point.rtf:.3g}")
                yield point


def script_request(
    plan: SweepPlan,
    number: int,
    workload: Workload,
    prompts: Sequence[SpeakerPrompt],
    options: SynthesisOptions,
) -> Request:
    """Return the request of a script (0-based), with a seed of its own."""
    own = replace(options, seed=options.seed + number)
    if plan.model.is_random:
        own = workload.prescribed(own)
    return Request(f"script {number}", workload.script, prompts, own)


def measure_point(
    preset: str, models: Models, prefixes: PrefixStore, requests: Sequence[Request]
) -> SweepPoint:
    """Synthesize all requests at the same time and return the figures."""
    reset_peak_memory(models.device)
    audio_seconds, stages, batch = 0.0, StageSeconds(), len(requests)
    with Stopwatch(models.device) as wall:
        for turn in synthesize_batch(models, prefixes, requests, batch):
            audio_seconds += turn.seconds
            stages += turn.work
    peak = peak_memory_bytes(models.device)
    return SweepPoint(preset, batch, audio_seconds, wall.seconds, stages, peak)


def sweep_title(plan: SweepPlan) -> str:
    """Return the title of table and picture."""
    device = device_label(plan.placement.device)
    return (
        f"podtts, {plan.model.short_name}, {device}, {plan.workload.name}: "
        "RTF over scripts side by side"
    )


def sweep_json(plan: SweepPlan, points: Sequence[SweepPoint]) -> str:
    """Return the points as JSON (schema in docs/bench.md)."""
    content = {
        "schema": SCHEMA,
        "podtts": podtts.__version__,
        "model": plan.model.short_name,
        "random_weights": plan.model.is_random,
        "device": device_label(plan.placement.device),
        "llm_dtype": plan.placement.dtype_name,
        "workload": plan.workload.name,
        "seed": plan.options.seed,
        "points": [
            {
                "preset": point.preset,
                "batch": point.batch,
                "audio_seconds": point.audio_seconds,
                "wall_seconds": point.wall_seconds,
                "rtf": point.rtf,
                "rtf_by_stage": point.rtf_by_stage(),
                "peak_memory_bytes": point.peak_memory_bytes,
            }
            for point in points
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
