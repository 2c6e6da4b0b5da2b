import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from support.golden_data import GOLDEN, MODEL
from typer.testing import CliRunner

from podtts.bench.report import SCHEMA
from podtts.cli.bench import bench
from podtts.errors import ModelError, UsageError

DOCUMENT = Path(__file__).parents[2] / "docs" / "bench.md"
QUICK = ["--model", str(MODEL), "--repeat", "1", "--flow-steps", "1", "--device", "cpu"]


def run(*arguments: str, env: dict[str, str] | None = None) -> str:
    """Run the command and return its stdout. Raises the errors of the command."""
    app = typer.Typer()
    app.command()(bench)
    result = CliRunner().invoke(app, arguments, env={"PODTTS_MODEL": None, **(env or {})})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def keys(value: Any) -> Iterator[str]:
    """Every key of nested JSON."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_the_json_has_only_documented_keys() -> None:
    flags = ["--workload", "short", "--seed", "7", "--against", "published", "--json", "-"]
    content = json.loads(run(*QUICK, *flags))
    assert content["schema"] == SCHEMA
    assert content["model"] == str(MODEL)
    assert content["random_weights"] is False
    assert content["untrained"] is True
    assert content["flow_steps"] == 1
    assert content["seed"] == 7
    assert content["against"]["flow_steps"] == 15
    for system in (content, content["against"]):
        (row,) = system["workloads"]
        (only,) = row["repeats"]
        assert row["workload"] == "short"
        assert only["prompt_cold_seconds"] > 0
        assert only["rtf"] > 0
        assert row["summary"]["rtf"]["median"] == only["rtf"]
    assert content["workloads"][0]["repeats"][0]["prompt_cached_seconds"] > 0
    assert content["against"]["workloads"][0]["repeats"][0]["prompt_cached_seconds"] is None
    assert content["against"]["workloads"][0]["ratio"]["total"]["median"] > 0
    documented = set(re.findall(r"`([a-z_]+)`", DOCUMENT.read_text()))
    assert set(keys(content)) <= documented


def test_a_file_gets_the_json_and_stdout_the_table(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    text = run(*QUICK, "--workload", "short", "--json", str(file), "--dtype", "float32")
    assert "RTF" in text
    assert "│ short" in text
    assert "warm-up" in text
    assert json.loads(file.read_text())["llm_dtype"] == "float32"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--random-weights", "soulx-podcast-1.7b"], "exclude each other"),
        (["--against", "publishd"], "unknown recipe 'publishd'; did you mean published"),
        (["--workload", "shrt"], "did you mean short"),
        (["--json", "."], "is a folder"),
        (["--json", "no/such/file.json"], "there is no folder no/such"),
        (["--flow-steps", "0"], "flow-steps is 0"),
        (["--recognizer", "whisper-base"], "--recognizer needs --quality"),
        (["--batch", "4"], "--batch needs --sweep or --scripts"),
        (["--picture", "sweep.svg"], "--picture draws the figures of --sweep"),
        (["--quality", "--sweep"], "--quality and --sweep measure two things"),
        (["--scripts", "3", "--workload", "short"], "--workload does nothing with --scripts"),
        (["--sweep"], "--repeat does nothing with --sweep"),
        (["--flow-cache", "9"], "--flow-cache needs --flow-mode streaming"),
    ],
)
def test_flags_that_cannot_work_are_refused(arguments: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        run(*QUICK, *arguments)


def test_an_unknown_name_for_random_weights_is_refused() -> None:
    with pytest.raises(ModelError, match=r"did you mean soulx-podcast-1\.7b"):
        run("--random-weights", "soulx-1.7b", env={"PODTTS_MODEL": str(MODEL)})


def test_a_bad_model_names_its_file() -> None:
    with pytest.raises(ModelError, match=r"audio lacks config\.json"):
        run("--model", str(GOLDEN / "audio"))


def test_a_sweep_writes_a_table_json_and_a_picture(tmp_path: Path) -> None:
    file, picture = tmp_path / "sweep.json", tmp_path / "sweep.svg"
    flags = ["--sweep", "--batch", "1", "--batch", "2", "--preset", "fast", "--workload", "short"]
    text = run("--model", str(MODEL), *flags, "--json", str(file), "--picture", str(picture))
    assert "RTF" in text
    content = json.loads(file.read_text())
    points = [(point["preset"], point["batch"]) for point in content["points"]]
    assert points == [("fast", 1), ("fast", 2)]
    assert picture.read_text().startswith("<svg")
    documented = set(re.findall(r"`([a-z_]+)`", DOCUMENT.read_text()))
    assert set(keys(content)) <= documented
    with pytest.raises(UsageError, match="takes one --workload"):
        run("--sweep", "--workload", "short", "--workload", "long")


def test_the_first_sound_is_measured_cold_and_warm() -> None:
    flags = ["--first-audio", "--workload", "short", "--json", "-"]
    content = json.loads(run(*QUICK, *flags, "--flow-mode", "streaming"))
    assert content["schema"] == "podtts-first-audio/1"
    for kind in ("cold", "warm"):
        (only,) = content[kind]
        assert 0 < only["first_seconds"] <= only["wall_seconds"]
        assert only["prebuffer_seconds"] >= 0
    documented = set(re.findall(r"`([a-z_]+)`", DOCUMENT.read_text()))
    assert set(keys(content)) <= documented
    assert "first sound" in run(*QUICK, *flags[:-2], "--flow-mode", "streaming")
    with pytest.raises(UsageError, match="--first-audio measures sound inside a turn"):
        run(*QUICK, *flags)
    with pytest.raises(UsageError, match="takes one --workload"):
        run(*QUICK, *flags, "--workload", "long")


def test_scripts_are_synthesized_in_a_batch_in_calls_and_in_a_loop() -> None:
    flags = ["--scripts", "2", "--batch", "2", "--dtype", "float32", "--json", "-"]
    content = json.loads(run(*QUICK, *flags))
    assert content["schema"] == "podtts-scripts/1"
    assert content["same_files"] == content["scripts"] == 2
    assert [way["way"] for way in content["ways"]] == [
        "one podtts batch",
        "podtts synth, a call a script",
        "a loop, loaded once",
    ]
    [seconds] = {tuple(way["audio_seconds"]) for way in content["ways"]}
    assert seconds[0] > 0
    assert set(keys(content)) <= set(re.findall(r"`(\w+)`", DOCUMENT.read_text()))
