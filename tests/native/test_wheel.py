"""A wheel brings the compiled code: podtts runs with it where there is no C compiler."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from support import compile_once
from support.journals import header_of

import podtts
from podtts.native import build
from podtts.native.build import library_name, machine_sets
from podtts.native.choice import Unavailable, cpu_sets

REPOSITORY = Path(podtts.__file__).parents[2]
pytestmark = pytest.mark.skipif(
    isinstance(cpu_sets(), Unavailable) or build.find_compiler() is None,
    reason="there is no C compiler or no instruction set for it here",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `make wheel` builds."""
    folder, programs = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("bin")
    compiler = programs / "cc"
    compiler.write_text(f"#!/bin/sh\n{compile_once.program()}\n")
    compiler.chmod(0o755)
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True)
    [built] = folder.iterdir()
    return built


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The programs of a fresh environment with the wheel, which sees the packages of this one."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    [site] = environment.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def test_a_wheel_has_the_libraries_of_all_sets_of_its_machine(wheel: Path) -> None:
    assert sysconfig.get_platform().replace("-", "_").replace(".", "_") in wheel.name
    assert "-py3-none-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if "/libraries/" in name]
    expected = {
        f"podtts/native/{build.PACKAGED}/{library_name(unit, isa)}"
        for isa in machine_sets()
        for unit in build.UNITS
    }
    assert set(names) == expected


def test_an_installed_wheel_runs_its_compiled_code_without_a_compiler(
    installed: Path, tmp_path: Path
) -> None:
    sets = cpu_sets()
    assert not isinstance(sets, Unavailable)
    output = tmp_path / "talk.wav"
    (tmp_path / "talk.txt").write_text("anna: Hello.\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    quick = ("--flow-steps", "1", "--max-turn-tokens", "20")
    process = subprocess.run(
        [str(installed / "podtts"), "synth", str(tmp_path / "talk.txt"), "-o", str(output), *quick],
        env=environment | {"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode in (0, 1), process.stderr  # 1: this model's words fail a check
    kernels = header_of(output)["kernels"]
    name = f"compiled code {sets[0].bits} {sets[0].numerics}"
    assert kernels == {"llm": name, "flow": name, "vocoder": name}
    [site] = installed.parent.glob("lib/python*/site-packages")
    native = site / "podtts" / "native"
    compiled = [*native.glob("__pycache__/*.so"), *Path(environment["HOME"]).rglob("*.so")]
    assert compiled == []
