"""Running sides against the clock, in turns, and what the numbers say.

Sides are interleaved repeat by repeat, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from podtts.bench.workload import WORKLOADS, Workload
from podtts.values import StageSeconds

WARM_UP = WORKLOADS[0]  # spoken once by every side before anything counts


@dataclass(frozen=True)
class Sample:
    """One run of one workload. Seconds are of work, except `audio_seconds`."""

    audio_seconds: float
    tokens: int  # speech tokens the LLM wrote
    prompt_cold_seconds: float | None  # all speakers: decode, features, encoders; None: no audio
    prompt_cached_seconds: float | None  # all speakers: read and verify; None: there is no cache
    stages: StageSeconds  # LLM seconds include reading the prompts
    wall_seconds: float  # of all stages: less than their sum where some work at the same time
    peak_memory_bytes: int

    @property
    def prompt_seconds(self) -> float | None:
        """What the prompts cost in this run: from the cache if there is one."""
        if self.prompt_cached_seconds is not None:
            return self.prompt_cached_seconds
        return self.prompt_cold_seconds

    @property
    def total_seconds(self) -> float:
        return (self.prompt_seconds or 0.0) + self.wall_seconds

    def metrics(self) -> dict[str, float | None]:
        """All figures by name; None where there is none."""
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
        """Seconds of work per second of audio, by stage and in total."""
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
    """Median of some repeats, and the values it lies between."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Row:
    """All repeats of one workload by one side."""

    workload: Workload
    samples: tuple[Sample, ...]

    def spreads(self) -> dict[str, Spread | None]:
        """Every figure over the repeats."""
        return _by_name([sample.metrics() for sample in self.samples])


class Side(Protocol):
    """One way to speak a workload."""

    @property
    def name(self) -> str: ...

    def speak(self, workload: Workload) -> Sample: ...


def measure(
    sides: Sequence[Side],
    workloads: Sequence[Workload],
    repeats: int,
    tell: Callable[[str], None],
) -> list[list[Row]]:
    """Speak every workload `repeats` times; return the rows of every side, in its order.

    tell: is told of every run before it begins.
    """
    for side in sides:
        tell(f"warm-up: {side.name}")
        side.speak(WARM_UP)
    return list(map(list, zip(*_rows(sides, workloads, repeats, tell), strict=True)))


def _rows(
    sides: Sequence[Side],
    workloads: Sequence[Workload],
    repeats: int,
    tell: Callable[[str], None],
) -> Iterator[list[Row]]:
    """Yield the rows of all sides, workload by workload."""
    for workload in workloads:
        samples: list[list[Sample]] = [[] for _ in sides]
        for repeat in range(1, repeats + 1):
            for side, taken in zip(sides, samples, strict=True):
                tell(f"{workload.name} {repeat}/{repeats}: {side.name}")
                taken.append(side.speak(workload))
        yield [Row(workload, tuple(taken)) for taken in samples]


def spread(values: Sequence[float | None]) -> Spread | None:
    """Summarise the repeats of one figure; None if it is missing in any."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return Spread(statistics.median(known), min(known), max(known))


def ratios(ours: Row, theirs: Row) -> dict[str, Spread | None]:
    """Return theirs / ours, by stage and in total: above 1, ours is faster.

    Compared are seconds of work per second of audio, as the two may end their turns differently,
    and each repeat with the one that ran beside it.
    """
    pairs = zip(ours.samples, theirs.samples, strict=True)
    return _by_name([_ratio(one.rtf_by_stage(), other.rtf_by_stage()) for one, other in pairs])


def _ratio(
    ours: dict[str, float | None], theirs: dict[str, float | None]
) -> dict[str, float | None]:
    return {stage: quotient(theirs[stage], ours[stage]) for stage in ours}


def _by_name(repeats: Sequence[dict[str, float | None]]) -> dict[str, Spread | None]:
    return {name: spread([values[name] for values in repeats]) for name in repeats[0]}


def quotient(dividend: float | None, divisor: float | None) -> float | None:
    """Divide; None where there is no finite result."""
    if dividend is None or not divisor:
        return None
    result = dividend / divisor
    return result if math.isfinite(result) else None
