import io
import json

from rich.console import Console

from podtts.bench.decode_step import DecodeStep
from podtts.bench.measure import Measurement, WorkloadResult
from podtts.bench.model_under_test import Loading
from podtts.bench.report import Against, BenchReport, Setting, notes, to_json, to_tables
from podtts.bench.workload import WORKLOADS
from podtts.values import StageSeconds

SETTING = Setting(
    model="[bold]model",
    random_weights=True,
    untrained=True,
    device="cpu (2 threads)",
    llm_dtype="bfloat16",
    preset="balanced",
    quantize="int8",
    flow_steps=10,
    flow_solver="heun",
    flow_precision="bfloat16",
    flow_guided_start=False,
    flow_mode="full",
    threads=2,
    seed=1988,
    repeats=2,
    torch="2.11",
)


def result(*llm_seconds: float, cached: float | None = 0.01) -> WorkloadResult:
    repeats = (
        Measurement(2.0, 50, None, cached, StageSeconds(llm, 1.0, 0.5), llm + 1.5, 5_000_000_000)
        for llm in llm_seconds
    )
    return WorkloadResult(WORKLOADS[0], tuple(repeats))


STEP = DecodeStep(step_seconds=0.25, step_bytes=3_000_000_000, copy_bytes_per_second=60e9)
OURS = BenchReport(SETTING, Loading(3.0, 4_600_000_000), (result(4.0, 6.0),), decode_step=STEP)
BOTH = BenchReport(
    SETTING,
    OURS.loading,
    OURS.results,
    Against("published", "bfloat16", 15, False, "5.23", (result(10.0, 12.0, cached=None),)),
)


def printed(report: BenchReport) -> str:
    console = Console(file=io.StringIO(), width=140)
    for table in to_tables(report):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_shows_medians_and_spread() -> None:
    text = printed(OURS)
    assert "balanced, [bold]model (random weights), cpu (2 threads), LLM bfloat16 with int8" in text
    assert "bfloat16, 10 heun" in " ".join(text.split())
    line = next(line for line in text.splitlines() if "short" in line)
    cells = [cell.strip() for cell in line.split("│")[1:-1]]
    assert cells[1:8] == ["2.00", "–", "0.0100", "5.00", "1.00", "0.50", "6.51"]
    assert cells[8:] == ["3.255", "10.4", "5.00"]
    assert "(2.755–3.755)" in text


def test_one_run_has_no_spread() -> None:
    assert "(" not in printed(BenchReport(SETTING, OURS.loading, (result(4.0),))).split("┓")[1]


def test_the_other_system_and_the_ratios_have_tables_of_their_own() -> None:
    text = printed(BOTH)
    assert "published recipe with transformers 5.23" in text
    assert "the same weights in memory, 15 flow steps" in text
    assert "published / podtts: above 1, podtts is faster" in text
    last = [cell.strip() for cell in text.splitlines()[-3].split("│")[1:-1]]
    assert last == ["short", "–", "2.25", "1.00", "1.00", "1.94"]


def test_notes_name_the_warm_up_and_the_turn_lengths() -> None:
    text = notes(OURS)
    assert "medians of 2 runs after a warm-up on short, which is not counted" in text
    assert "turn lengths: prescribed by the text" in text
    assert "loading took 3.0 s and 4.60 GB" in text
    assert "a decode step takes 250.00 ms, 5.00 times what its 3 GB need at 60 GB/s" in text
    assert all(len(line) <= 140 for line in text.splitlines())


def test_json_has_every_run_and_null_for_missing_figures() -> None:
    content = json.loads(to_json(BOTH))
    (ours,), (theirs,) = content["workloads"], content["against"]["workloads"]
    assert [run["llm_seconds"] for run in ours["repeats"]] == [4.0, 6.0]
    assert ours["summary"]["llm_seconds"] == {"median": 5.0, "lowest": 4.0, "highest": 6.0}
    assert ours["summary"]["prompt_cold_seconds"] is None
    assert theirs["ratio"]["llm"] == {"median": 2.25, "lowest": 2.0, "highest": 2.5}
    assert theirs["ratio"]["prompt"] is None
    assert json.loads(to_json(OURS))["against"] is None
    assert json.loads(to_json(OURS))["decode"] == {
        "step_seconds": 0.25,
        "step_bytes": 3_000_000_000,
        "copy_bytes_per_second": 60e9,
        "ratio": 5.0,
    }
