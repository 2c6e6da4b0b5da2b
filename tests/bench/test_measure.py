from dataclasses import replace

import pytest

from podtts.bench.measure import (
    Measurement,
    Spread,
    WorkloadResult,
    measure,
    quotient,
    ratios,
    spread,
)
from podtts.bench.workload import WORKLOADS, Workload, find_workloads
from podtts.values import StageSeconds


def measurement(
    audio: float = 2.0,
    cached: float | None = 0.5,
    stages: StageSeconds | None = None,
    cold: float | None = None,
) -> Measurement:
    stages = stages or StageSeconds(2.0, 1.0, 0.5)
    return Measurement(audio, 50, cold, cached, stages, stages.total, 1000)


def test_the_total_counts_cached_prompts_before_cold_ones() -> None:
    assert measurement(cached=0.5, cold=9.0).total_seconds == 4.0
    assert measurement(cached=None, cold=1.5).total_seconds == 5.0
    assert measurement(cached=None, cold=None).total_seconds == 3.5


def test_metrics_have_all_figures_of_a_run() -> None:
    assert measurement(cold=9.0).metrics() == {
        "audio_seconds": 2.0,
        "tokens": 50,
        "prompt_cold_seconds": 9.0,
        "prompt_cached_seconds": 0.5,
        "llm_seconds": 2.0,
        "flow_seconds": 1.0,
        "vocoder_seconds": 0.5,
        "total_seconds": 4.0,
        "rtf": 2.0,
        "llm_tokens_per_second": 25.0,
        "peak_memory_bytes": 1000,
    }


def test_stages_at_the_same_time_count_once() -> None:
    assert replace(measurement(), wall_seconds=2.5).total_seconds == 3.0


def test_a_run_without_audio_has_no_rtf() -> None:
    silent = measurement(audio=0.0, stages=StageSeconds())
    assert silent.metrics()["rtf"] is None
    assert silent.metrics()["llm_tokens_per_second"] is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], Spread(3.0, 3.0, 3.0)),
        ([3.0, 1.0, 8.0], Spread(3.0, 1.0, 8.0)),
        ([1.0, 2.0], Spread(1.5, 1.0, 2.0)),
        ([1.0, None], None),
        ([None], None),
        ([], None),
    ],
)
def test_spread(values: list[float | None], expected: Spread | None) -> None:
    assert spread(values) == expected


@pytest.mark.parametrize(
    ("dividend", "divisor", "expected"),
    [
        (1.0, 4.0, 0.25),
        (0.0, 4.0, 0.0),
        (1.0, 0.0, None),
        (None, 1.0, None),
        (1.0, None, None),
        (1e308, 1e-308, None),
    ],
)
def test_a_quotient_is_finite_or_none(
    dividend: float | None, divisor: float | None, expected: float | None
) -> None:
    assert quotient(dividend, divisor) == expected


def test_ratios_compare_work_per_second_of_audio_within_each_repeat() -> None:
    ours = WorkloadResult(WORKLOADS[0], (measurement(audio=2.0), measurement(audio=2.0)))
    slow = StageSeconds(8.0, 1.0, 0.5)
    theirs = WorkloadResult(
        WORKLOADS[0],
        (
            measurement(audio=1.0, cached=None, stages=slow),
            measurement(audio=4.0, cached=None, stages=slow),
        ),
    )
    by_stage = ratios(ours, theirs)
    assert by_stage["llm"] == Spread(median=5.0, lowest=2.0, highest=8.0)
    assert by_stage["flow"] == Spread(median=1.25, lowest=0.5, highest=2.0)
    assert by_stage["total"] == Spread(median=(4.75 + 1.1875) / 2, lowest=1.1875, highest=4.75)
    assert by_stage["prompt"] is None


class Recorder:
    """A system that records its workloads."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def synthesize(self, workload: Workload) -> Measurement:
        self.log.append(f"{self.name} {workload.name}")
        return measurement(audio=float(len(self.log)))


def test_systems_are_warmed_up_and_then_take_turns() -> None:
    log: list[str] = []
    lines: list[str] = []
    systems = [Recorder("a", log), Recorder("b", log)]
    results = measure(systems, find_workloads(["middle", "long"]), 2, lines.append)
    assert log == [
        "a short", "b short",
        "a middle", "b middle", "a middle", "b middle",
        "a long", "b long", "a long", "b long",
    ]  # fmt: skip
    assert lines[0] == "warm-up: a"
    assert lines[2:4] == ["middle 1/2: a", "middle 1/2: b"]
    seconds = [
        [[repeat.audio_seconds for repeat in result.repeats] for result in of_system]
        for of_system in results
    ]
    assert seconds == [[[3, 5], [7, 9]], [[4, 6], [8, 10]]]
    assert [result.workload.name for result in results[1]] == ["middle", "long"]
