import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.golden_data import models, trace_prompts

from podtts.bench.scripts import (
    Measured,
    Way,
    ensemble_seconds,
    measure_ways,
    prescribed_jobs,
    script_text,
    scripts_json,
    texts,
)
from podtts.device.stopwatch import Stopwatch
from podtts.llm.prefix import PrefixStore
from podtts.options import FlowOptions, SynthesisOptions
from podtts.script.parse import parse_script


def test_scripts_differ_and_can_be_read() -> None:
    written = [script_text(number, ("anna", "ben")) for number in range(64)]
    assert len(set(written)) == 64
    script = parse_script(written[9])
    assert script.labels == ("anna", "ben")
    assert tuple(turn.text for turn in script.turns) == texts(9)


def test_ways_take_turns_and_every_round_counts() -> None:
    said: list[str] = []

    def speak(name: str) -> float:
        said.append(name)
        return float(len(said))

    ways = [Way(name, lambda name=name: speak(name)) for name in "abc"]  # type: ignore[misc]
    told: list[str] = []
    found = measure_ways(ways, 3, lambda: Stopwatch(torch.device("cpu")), told.append)
    assert "".join(said) == "abccbaabc"
    assert told[3] == "round 2 of 3: c"
    assert [one.name for one in found] == ["a", "b", "c"]
    assert [one.audio_seconds for one in found] == [(1, 6, 7), (2, 5, 8), (3, 4, 9)]
    assert all(seconds > 0 for one in found for seconds in one.wall_seconds)


def test_ratios_are_of_the_same_round() -> None:
    first, other = Measured("a", (2.0, 2.0), (1.0, 4.0)), Measured("b", (2.0, 2.0), (3.0, 4.0))
    assert other.ratios(first) == (3.0, 1.0)
    assert other.rtfs == (1.5, 2.0)
    content = json.loads(scripts_json({"scripts": 2}, [first, other]))
    assert content["scripts"] == 2
    assert [one["ratio"] for one in content["ways"]] == [1.0, 2.0]


def test_side_by_side_or_not_as_much_is_spoken(tmp_path: Path) -> None:
    prefixes = PrefixStore(tmp_path, {}, pytest.fail)
    options = replace(SynthesisOptions(), flow=FlowOptions(steps=1))
    jobs = prescribed_jobs(3, trace_prompts("plain"), options)
    tokens = jobs[0].options.sampling.max_tokens
    seconds = [ensemble_seconds(models(), prefixes, jobs, rows) for rows in (3, 1)]
    assert seconds[0] == seconds[1] == pytest.approx(3 * 2 * tokens / 25)
