"""The estimate of the time left against two recorded runs (--log-json, recorded_runs.json)."""

import json
from pathlib import Path
from statistics import fmean

import pytest

from podtts.cli.time_left import TurnTime, seconds_left
from podtts.text.length import expected_seconds

RUNS = json.loads((Path(__file__).with_name("recorded_runs.json")).read_text())


def recorded(number: int) -> list[TurnTime]:
    return [
        TurnTime(expected_seconds(turn["text"]), turn["seconds"]) for turn in RUNS[number]["turns"]
    ]


def by_average(finished: list[TurnTime], turns: int) -> float:
    return fmean(turn.work_seconds for turn in finished) * turns


@pytest.mark.parametrize(("number", "tolerance"), [(0, 0.31), (1, 0.25)])
def test_the_estimate_is_close_from_the_third_turn_on(number: int, tolerance: float) -> None:
    turns = recorded(number)
    for done in range(3, len(turns)):
        left = seconds_left(turns[:done], [turn.speech_seconds for turn in turns[done:]])
        truth = sum(turn.work_seconds for turn in turns[done:])
        assert left == pytest.approx(truth, rel=tolerance)


def test_the_estimate_is_better_than_the_average_turn_if_turns_differ() -> None:
    turns = recorded(1)
    errors, errors_of_average = [], []
    for done in range(1, len(turns)):
        truth = sum(turn.work_seconds for turn in turns[done:])
        left = seconds_left(turns[:done], [turn.speech_seconds for turn in turns[done:]])
        assert left is not None
        errors.append(abs(left / truth - 1))
        errors_of_average.append(abs(by_average(turns[:done], len(turns) - done) / truth - 1))
    assert fmean(errors) < 0.12
    assert fmean(errors_of_average) > 0.5


def test_the_start_and_the_end_of_a_run() -> None:
    assert seconds_left([], [3.0]) is None
    assert seconds_left([TurnTime(0.0, 2.0)], []) == 0
    assert seconds_left([TurnTime(0.0, 2.0)], [0.0, 0.0]) == pytest.approx(4.0)
    assert seconds_left([TurnTime(6.0, 5.0)], [16.0]) == pytest.approx(10.0)


def test_only_the_latest_turns_count() -> None:
    finished = [TurnTime(3.0, 2.0)] * 300 + [TurnTime(3.0, 1.0)] * 60
    assert seconds_left(finished, [3.0] * 100) == pytest.approx(100)
