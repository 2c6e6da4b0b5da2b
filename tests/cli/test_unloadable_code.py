"""Compiled code that cannot be loaded is said once in a run, by every command that would use it."""

import json
import shutil
from pathlib import Path

import pytest
from support.commands import run
from support.golden_data import MODEL

import podtts
from podtts.native.build import UNITS, InstructionSet, library_name
from podtts.native.choice import Unavailable
from podtts.native.library import instructions_of, layers_library

pytestmark = pytest.mark.skipif(
    isinstance(layers_library(), Unavailable), reason="compiled code does not run here"
)


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH with podtts, whose compiled code is damaged."""
    folder, source = tmp_path_factory.mktemp("install"), Path(podtts.__file__).parent
    left = shutil.ignore_patterns("__pycache__", "mini")
    shutil.copytree(source, folder / "podtts", ignore=left)
    (folder / "podtts" / "assets" / "mini").symlink_to(source / "assets" / "mini")
    stored = folder / "podtts" / "native" / "__pycache__"
    stored.mkdir()
    for unit in UNITS:
        isa = instructions_of(unit)
        assert isinstance(isa, InstructionSet)
        (stored / library_name(unit, isa)).write_bytes(b"not compiled")
    return folder


@pytest.mark.parametrize("command", ["synth", "batch", "bench"])
def test_each_file_is_said_once(
    command: str, install: Path, talk: Path, own_cache: Path, tmp_path: Path
) -> None:
    scripts = tmp_path / "all.jsonl"
    with scripts.open("w") as file:  # one for each worker
        for name in ("one", "two"):
            file.write(json.dumps({"id": name, "turns": [["anna", "Hello."]]}) + "\n")
    quick = ("--flow-steps", "1", "--cache-dir", own_cache)
    arguments = {
        "synth": (talk, "-o", tmp_path / "a.wav", "--max-turn-tokens", "20", *quick),
        "batch": (scripts, "-o", tmp_path / "all", "--workers", "2", *quick),
        "bench": ("--workload", "short", "--repeat", "1"),
    }[command]
    # An empty PATH has no compiler. Other engines work instead.
    env = {"PYTHONPATH": str(install), "PATH": ""}
    result = run(command, *arguments, "--model", MODEL, env=env)
    assert result.code in (0, 1)  # 1: the words of this model fail a check
    warnings = [line for line in result.said if "cannot be loaded" in line]
    assert len(warnings) == len(UNITS), result.stderr
    for unit, warning in zip(UNITS, warnings, strict=True):
        assert warning.startswith(f"podtts: warning: {install}/podtts/native/__pycache__/{unit}-")
        assert warning.endswith(
            ": remove it; this run is slower without it, and computes other bits"
        )


def test_doctor_says_it_too(install: Path) -> None:
    lines = run("doctor", env={"PYTHONPATH": str(install), "PATH": ""}).done().lines
    assert len([line for line in lines if ": remove it; this run" in line]) == len(UNITS)
