"""Measures systems on workloads and summarises the figures.

The systems take turns, repeat by repeat, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from podtts.bench.workload import WORKLOADS, Workload
from podtts.values import StageSeconds

WARM_UP = WORKLOADS[0]  # synthesized once by every system before the measurement


@dataclass(frozen=True)
class Measurement:
    """One synthesis of one workload. Seconds are of work, except `audio_seconds`."""

    audio_seconds: float
    tokens: int  # speech tokens that the LLM decoded
    prompt_cold_seconds: float | None  # from all recordings to features; None: no recordings
    prompt_cached_seconds: float | None  # to read and verify all features; None: no cache
    stages: StageSeconds  # those of the LLM include the prefill of the prompts
    wall_seconds: float  # of all stages: less than their sum if some work at the same time
    peak_memory_bytes: int

    @property
    def prompt_seconds(self) -> float | None:
        """Seconds of the prompts in this run: from the cache if there is one."""
        if self.prompt_cached_seconds is not None:
            return self.prompt_cached_seconds
        return self.prompt_cold_seconds

    @property
    def total_seconds(self) -> float:
        return (self.prompt_seconds or 0.0) + self.wall_seconds

    def metrics(self) -> dict[str, float | None]:
        """Return all figures by name; None for a figure that does not exist."""
        return {
            "audio_seconds": self.audio_seconds,
            "tokens": self.tokens,
            "prompt_cold_seconds": self.prompt_cold_seconds,
            "prompt_cached_seconds": self.prompt_cached_seconds,
            "llm_seconds": self.stages.llm,
            "flow_seconds": self.stages.flow,
            "vocoder_seconds": self.stages.vocoder,
            "total_seconds": self.total_seconds,
            "rtf": quotient(self.total_seconds, self.audio_seconds),
            "llm_tokens_per_second": quotient(self.tokens, self.stages.llm),
            "peak_memory_bytes": self.peak_memory_bytes,
        }

    def rtf_by_stage(self) -> dict[str, float | None]:
        """Return the seconds of work per second of audio, by stage and in total."""
        seconds = {
            "prompt": self.prompt_seconds,
            "llm": self.stages.llm,
            "flow": self.stages.flow,
            "vocoder": self.stages.vocoder,
            "total": self.total_seconds,
        }
        return {stage: quotient(value, self.audio_seconds) for stage, value in seconds.items()}


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest value of some repeats."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class WorkloadResult:
    """All repeats of one workload by one system."""

    workload: Workload
    repeats: tuple[Measurement, ...]

    def spreads(self) -> dict[str, Spread | None]:
        """Return the spread of every figure over the repeats."""
        return _spread_by_name([repeat.metrics() for repeat in self.repeats])


class System(Protocol):
    """A system that synthesizes workloads: podtts, or one that it is compared with."""

    @property
    def name(self) -> str: ...

    def synthesize(self, workload: Workload) -> Measurement: ...


def measure(
    systems: Sequence[System],
    workloads: Sequence[Workload],
    repeats: int,
    progress: Callable[[str], None],
) -> list[list[WorkloadResult]]:
    """Synthesize every workload `repeats` times; return the results of each system, in its order.

    progress: gets a line before every run.
    """
    for system in systems:
        progress(f"warm-up: {system.name}")
        system.synthesize(WARM_UP)
    by_workload = _results(systems, workloads, repeats, progress)
    return list(map(list, zip(*by_workload, strict=True)))


def _results(
    systems: Sequence[System],
    workloads: Sequence[Workload],
    repeats: int,
    progress: Callable[[str], None],
) -> Iterator[list[WorkloadResult]]:
    """Yield the results of all systems, workload by workload."""
    for workload in workloads:
        measurements: list[list[Measurement]] = [[] for _ in systems]
        for repeat in range(1, repeats + 1):
            for system, own in zip(systems, measurements, strict=True):
                progress(f"{workload.name} {repeat}/{repeats}: {system.name}")
                own.append(system.synthesize(workload))
        yield [WorkloadResult(workload, tuple(own)) for own in measurements]


def spread(values: Sequence[float | None]) -> Spread | None:
    """Summarise the repeats of one figure; None if it is missing in one of them."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return Spread(statistics.median(known), min(known), max(known))


def ratios(ours: WorkloadResult, theirs: WorkloadResult) -> dict[str, Spread | None]:
    """Return theirs / ours, by stage and in total: above 1, ours is faster.

    Seconds of work per second of audio are compared, because the lengths of the turns may differ.
    Each repeat is compared with the one that ran beside it.
    """
    pairs = zip(ours.repeats, theirs.repeats, strict=True)
    return _spread_by_name(
        [_ratio(our.rtf_by_stage(), their.rtf_by_stage()) for our, their in pairs]
    )


def _ratio(
    ours: dict[str, float | None], theirs: dict[str, float | None]
) -> dict[str, float | None]:
    return {stage: quotient(theirs[stage], ours[stage]) for stage in ours}


def _spread_by_name(repeats: Sequence[dict[str, float | None]]) -> dict[str, Spread | None]:
    return {name: spread([values[name] for values in repeats]) for name in repeats[0]}


def quotient(dividend: float | None, divisor: float | None) -> float | None:
    """Divide; None if there is no finite result."""
    if dividend is None or not divisor:
        return None
    result = dividend / divisor
    return result if math.isfinite(result) else None
