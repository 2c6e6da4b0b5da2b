"""What `make gpu` runs goes on when a step fails, and loads the model once."""

import json
import sys
from pathlib import Path

import pytest
import torch
from recipes.gpu import speed
from recipes.gpu.profiles import _covered, profiled
from recipes.gpu.steps import Steps
from support.golden_data import MODEL

from podtts.bench.model_under_test import Loading, ModelUnderTest
from podtts.device.placement import Placement
from podtts.weights.load import Models


def test_a_step_that_fails_does_not_end_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = Steps(tmp_path / "results")

    def fail() -> str:
        raise ValueError("no such kernel")

    steps.run("first", lambda: "all is well")
    assert steps.exit_code() == 0
    steps.run("second", fail)
    steps.run("third", lambda: "as before")
    assert steps.exit_code() == 1
    assert (steps.folder / "third.txt").read_text() == "as before"
    assert "no such kernel" in (steps.folder / "second.txt").read_text()
    printed = capsys.readouterr().out
    assert "--- second: FAILED after" in printed
    assert printed.endswith("failed: second\n")


def test_time_in_which_two_kernels_run_counts_once() -> None:
    assert _covered([(5.0, 7.0), (0.0, 2.0), (1.0, 3.0), (1.5, 1.6)]) == 5.0


def test_a_profile_counts_what_the_device_did() -> None:
    x = torch.ones(4)

    def add_up() -> None:
        x.sum()
        x.sum()

    found = profiled("two sums", add_up, x.device, units=2)
    sums = next(kernel for kernel in found.kernels if kernel.name == "aten::sum")
    assert sums.runs == 2
    assert found.table().startswith("two sums: ")
    assert " 1 x  aten::sum" in found.table()


def test_all_is_measured_with_one_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded: list[Placement] = []
    load = ModelUnderTest.load

    def counted(model: ModelUnderTest, placement: Placement) -> tuple[Models, Loading]:
        loaded.append(placement)
        return load(model, placement)

    monkeypatch.setattr(ModelUnderTest, "load", counted)
    flags = (
        f"--device cpu --dtype float32 --model {MODEL} --out {tmp_path} --repeat 1 "
        "--first-audio short --sweep short --batch 2 --only first-audio sweep"
    )
    monkeypatch.setattr(sys, "argv", ["speed", *flags.split()])
    assert speed.main() == 0, capsys.readouterr().out
    assert len(loaded) == 1
    assert len(json.loads((tmp_path / "first-audio.json").read_text())["warm"]) == 1
    [point] = json.loads((tmp_path / "sweep.json").read_text())["points"]
    assert point["batch"] == 2
    assert "RTF" in (tmp_path / "sweep.txt").read_text()
