import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.golden_data import models, trace_prompts

from podtts.bench.model_under_test import ModelUnderTest
from podtts.bench.scripts import ScriptsPlan, ScriptsReport, batch_seconds, scripts_json
from podtts.bench.short_scripts import prescribed_requests, script_text, turn_texts
from podtts.bench.variants import VariantTimes
from podtts.device.placement import place
from podtts.llm.prefix import PrefixStore
from podtts.options import FlowOptions, SynthesisOptions
from podtts.script.parse import parse_script


def test_scripts_differ_and_can_be_parsed() -> None:
    texts = [script_text(number, ("anna", "ben")) for number in range(64)]
    assert len(set(texts)) == 64
    script = parse_script(texts[9])
    assert script.labels == ("anna", "ben")
    assert tuple(turn.text for turn in script.turns) == turn_texts(9)


def test_json_has_medians_over_the_first_variant() -> None:
    plan = ScriptsPlan(
        ModelUnderTest(None, "sizes"), 2, None, 2, SynthesisOptions(), place("cpu"), [], "fast"
    )
    times = [
        VariantTimes("a", (2.0, 2.0), (1.0, 4.0)),
        VariantTimes("b", (2.0, 2.0), (3.0, 4.0)),
    ]
    content = json.loads(scripts_json(ScriptsReport(plan, times, None)))
    assert (content["scripts"], content["rounds"], content["same_files"]) == (2, 2, None)
    assert (content["model"], content["random_weights"]) == ("sizes", True)
    assert [way["ratio"] for way in content["ways"]] == [1.0, 2.0]
    assert [way["rtf"] for way in content["ways"]] == [1.25, 1.75]


def test_a_batch_and_single_rows_synthesize_the_same_seconds(tmp_path: Path) -> None:
    prefixes = PrefixStore(tmp_path, {}, pytest.fail)
    options = replace(SynthesisOptions(), flow=FlowOptions(steps=1))
    requests = prescribed_requests(3, trace_prompts("plain"), options)
    tokens = requests[0].options.sampling.max_tokens
    seconds = [batch_seconds(models(), prefixes, requests, rows) for rows in (3, 1)]
    assert seconds[0] == seconds[1] == pytest.approx(3 * 2 * tokens / 25)
