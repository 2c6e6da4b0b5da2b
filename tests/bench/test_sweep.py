import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.golden_data import models, trace_prompts

from podtts.bench.model_under_test import ModelUnderTest
from podtts.bench.picture import sweep_svg
from podtts.bench.sweep import (
    SweepPlan,
    SweepPoint,
    measure_point,
    script_request,
    sweep_json,
    sweep_title,
)
from podtts.bench.workload import WORKLOADS
from podtts.device.placement import place
from podtts.llm.prefix import PrefixStore
from podtts.options import FlowOptions, SynthesisOptions
from podtts.presets import Preset
from podtts.values import StageSeconds

PLAN = SweepPlan(
    model=ModelUnderTest(None, "small"),
    placement=place("cpu", "float32"),
    workload=WORKLOADS[0],
    batches=(1, 3),
    presets={"quick": Preset("none", FlowOptions(steps=1))},
    options=SynthesisOptions(retries=0),
)
POINTS = [
    SweepPoint("one", 1, 10.0, 20.0, StageSeconds(10.0, 5.0, 4.0), 10**9),
    SweepPoint("one & only", 4, 40.0, 20.0, StageSeconds(10.0, 5.0, 4.0), 10**9),
]


def test_a_point_counts_the_audio_and_work_of_all_scripts(tmp_path: Path) -> None:
    prompts, store = trace_prompts("plain"), PrefixStore(tmp_path, {}, pytest.fail)
    options = SynthesisOptions(retries=0, flow=FlowOptions(steps=1))
    requests = [script_request(PLAN, number, WORKLOADS[0], prompts, options) for number in range(3)]
    assert len({request.options.seed for request in requests}) == 3
    point = measure_point("quick", models(), store, requests)
    alone = measure_point("quick", models(), store, requests[:1])
    assert (point.batch, alone.batch) == (3, 1)
    assert point.audio_seconds == pytest.approx(3 * alone.audio_seconds)
    assert 0 < point.stages.total <= point.wall_seconds


def test_stages_at_the_same_time_share_the_seconds_on_the_clock() -> None:
    parts = SweepPoint("one", 1, 10.0, 20.0, StageSeconds(20.0, 15.0, 5.0), 10**9).rtf_by_stage()
    assert parts == {"llm": 1.0, "flow": 0.75, "vocoder": 0.25, "rest": 0.0}


def test_the_rtf_is_the_sum_of_its_parts() -> None:
    parts = POINTS[0].rtf_by_stage()
    assert POINTS[0].rtf == 2.0
    assert sum(parts.values()) == pytest.approx(2.0)
    assert parts["rest"] == pytest.approx(0.1)


def test_json_names_what_was_measured() -> None:
    content = json.loads(sweep_json(PLAN, POINTS))
    assert (content["model"], content["random_weights"]) == ("small", True)
    assert content["llm_dtype"] == "float32"
    assert content["workload"] == "short"
    assert [point["rtf"] for point in content["points"]] == [2.0, 0.5]
    assert sweep_title(PLAN).startswith("podtts, small, cpu")


def test_the_picture_has_a_bar_of_its_height_for_every_stage() -> None:
    root = ElementTree.fromstring(sweep_svg("title <here>", POINTS))
    space = "{http://www.w3.org/2000/svg}"
    bars = [rect for rect in root.iter(f"{space}rect") if rect.find(f"{space}title") is not None]
    heights = [float(bar.attrib["height"]) for bar in bars]
    assert len(bars) == 8
    assert sum(heights[:4]) == pytest.approx(4 * sum(heights[4:]), rel=0.01)
    texts = [text.text for text in root.iter(f"{space}text")]
    assert {"title <here>", "one & only", "2", "0.5"} <= set(texts)


def test_the_picture_of_few_bars_is_as_wide_as_its_title_and_legend() -> None:
    def width(title: str) -> float:
        root = ElementTree.fromstring(sweep_svg(title, POINTS[:1]))
        assert root.attrib["viewBox"].split()[2] == root.attrib["width"]
        return float(root.attrib["width"])

    assert width("a title of many words") == width("")  # the legend is wider
    assert width("word " * 40) > 200 * 7
