from dataclasses import replace

import pytest

from podtts.bench.measure import Row, Sample, Spread, measure, quotient, ratios, spread
from podtts.bench.workload import WORKLOADS, Workload, find_workloads
from podtts.values import StageSeconds


def sample(
    audio: float = 2.0,
    cached: float | None = 0.5,
    stages: StageSeconds | None = None,
    cold: float | None = None,
) -> Sample:
    stages = stages or StageSeconds(2.0, 1.0, 0.5)
    return Sample(audio, 50, cold, cached, stages, stages.total, 1000)


def test_the_total_counts_cached_prompts_before_cold_ones() -> None:
    assert sample(cached=0.5, cold=9.0).total_seconds == 4.0
    assert sample(cached=None, cold=1.5).total_seconds == 5.0
    assert sample(cached=None, cold=None).total_seconds == 3.5


def test_figures_of_a_run() -> None:
    assert sample(cold=9.0).metrics() == {
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


def test_what_overlaps_counts_once() -> None:
    assert replace(sample(), wall_seconds=2.5).total_seconds == 3.0


def test_a_run_without_audio_has_no_rtf() -> None:
    silent = sample(audio=0.0, stages=StageSeconds())
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
def test_quotient_is_finite_or_not_there(
    dividend: float | None, divisor: float | None, expected: float | None
) -> None:
    assert quotient(dividend, divisor) == expected


def test_ratios_compare_work_per_second_of_audio_within_each_repeat() -> None:
    ours = Row(WORKLOADS[0], (sample(audio=2.0), sample(audio=2.0)))
    slow = StageSeconds(8.0, 1.0, 0.5)
    theirs = Row(
        WORKLOADS[0],
        (sample(audio=1.0, cached=None, stages=slow), sample(audio=4.0, cached=None, stages=slow)),
    )
    found = ratios(ours, theirs)
    assert found["llm"] == Spread(median=5.0, lowest=2.0, highest=8.0)
    assert found["flow"] == Spread(median=1.25, lowest=0.5, highest=2.0)
    assert found["total"] == Spread(median=(4.75 + 1.1875) / 2, lowest=1.1875, highest=4.75)
    assert found["prompt"] is None


class Recorder:
    """A side that writes down what it is asked for."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def speak(self, workload: Workload) -> Sample:
        self.log.append(f"{self.name} {workload.name}")
        return sample(audio=float(len(self.log)))


def test_sides_are_warmed_up_and_then_interleaved() -> None:
    log: list[str] = []
    told: list[str] = []
    one, other = Recorder("a", log), Recorder("b", log)
    rows = measure([one, other], find_workloads(["middle", "long"]), 2, told.append)
    assert log == [
        "a short", "b short",
        "a middle", "b middle", "a middle", "b middle",
        "a long", "b long", "a long", "b long",
    ]  # fmt: skip
    assert told[0] == "warm-up: a"
    assert told[2:4] == ["middle 1/2: a", "middle 1/2: b"]
    heard = [[[run.audio_seconds for run in row.samples] for row in side] for side in rows]
    assert heard == [[[3, 5], [7, 9]], [[4, 6], [8, 10]]]
    assert [row.workload.name for row in rows[1]] == ["middle", "long"]
