"""The time left, held to runs that took place: recorded_runs.json, from two --log-json files."""

import json
from pathlib import Path
from statistics import fmean

import pytest

from podtts.cli.remaining import Taken, seconds_left
from podtts.text.length import expected_seconds

RUNS = json.loads((Path(__file__).with_name("recorded_runs.json")).read_text())


def recorded(number: int) -> list[Taken]:
    return [
        Taken(expected_seconds(turn["text"]), turn["seconds"]) for turn in RUNS[number]["turns"]
    ]


def by_average(taken: list[Taken], turns: int) -> float:
    return fmean(turn.seconds for turn in taken) * turns


@pytest.mark.parametrize(("number", "furthest"), [(0, 0.31), (1, 0.25)])
def test_the_time_left_is_near_the_truth_from_the_third_turn_on(
    number: int, furthest: float
) -> None:
    turns = recorded(number)
    for done in range(3, len(turns)):
        left = seconds_left(turns[:done], [turn.length for turn in turns[done:]])
        truth = sum(turn.seconds for turn in turns[done:])
        assert left == pytest.approx(truth, rel=furthest)


def test_it_is_better_than_an_average_of_turns_where_turns_differ() -> None:
    turns = recorded(1)
    wrong, wrong_by_average = [], []
    for done in range(1, len(turns)):
        truth = sum(turn.seconds for turn in turns[done:])
        left = seconds_left(turns[:done], [turn.length for turn in turns[done:]])
        assert left is not None
        wrong.append(abs(left / truth - 1))
        wrong_by_average.append(abs(by_average(turns[:done], len(turns) - done) / truth - 1))
    assert fmean(wrong) < 0.12
    assert fmean(wrong_by_average) > 0.5


def test_ends_of_a_run() -> None:
    assert seconds_left([], [3.0]) is None
    assert seconds_left([Taken(0.0, 2.0)], []) == 0
    assert seconds_left([Taken(0.0, 2.0)], [0.0, 0.0]) == pytest.approx(4.0)
    assert seconds_left([Taken(6.0, 5.0)], [16.0]) == pytest.approx(10.0)


def test_a_machine_that_becomes_free_is_believed() -> None:
    taken = [Taken(3.0, 2.0)] * 300 + [Taken(3.0, 1.0)] * 60
    assert seconds_left(taken, [3.0] * 100) == pytest.approx(100)
