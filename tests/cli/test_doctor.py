import importlib.metadata
import shutil
from pathlib import Path

import pytest
from support.commands import run
from support.golden_data import MODEL

from podtts.native.build import INSTRUCTION_SETS, machine_sets
from podtts.native.choice import Unavailable, cpu_sets, set_names
from podtts.native.library import layers_library

needs_compiled_code = pytest.mark.skipif(
    isinstance(layers_library(), Unavailable), reason="compiled code does not run here"
)


def test_doctor_lists_what_exists_and_what_is_missing(home: Path) -> None:
    lines = run("doctor").done().lines
    shown = {line.split()[0]: line for line in lines}
    assert {"podtts", "python", "packages", "device", "cpu", "auto"} <= shown.keys()
    for package in ("torch", "transformers", "onnxruntime"):
        assert f"{package} {importlib.metadata.version(package)}" in shown["packages"]
    assert "threads" in shown["cpu"]
    assert "bfloat16" in shown["cpu"]
    assert str(home) in shown["cache"]
    assert str(home) in shown["models"]
    assert "not set" in shown["PODTTS_MODEL"]
    assert "soulx-podcast-1.7b-dialect: absent" in "\n".join(lines)
    assert "mini: bundled" in "\n".join(lines)
    assert lines[-1] == "nothing is missing"


@needs_compiled_code
def test_doctor_names_the_instruction_set_and_what_it_was_chosen_from() -> None:
    sets = cpu_sets()
    assert not isinstance(sets, Unavailable)
    chosen = f"{sets[0].name}, of {set_names(sets)} on this CPU"
    last = sets[-1].name
    forced = f"{last}, because of PODTTS_ISA"
    none = "no, so slower on the CPU: PODTTS_ISA is none"
    for env, said in (({}, chosen), ({"PODTTS_ISA": last}, forced), ({"PODTTS_ISA": "none"}, none)):
        lines = run("doctor", env=env).done().lines
        assert f"compiled       the LLM's layers: {said}" in lines
        assert f"compiled       the flow: {said}" in lines
        assert f"compiled       the vocoder: {said}" in lines


def test_a_set_of_another_machine_is_refused_in_one_line() -> None:
    other = next(isa for isa in INSTRUCTION_SETS if isa not in machine_sets())
    result = run("doctor", env={"PODTTS_ISA": other.name})
    assert result.code == 2
    assert f"PODTTS_ISA is {other.name}, which this CPU lacks; unset it, or set it" in result.error


def test_doctor_checks_the_named_model_and_cache(tmp_path: Path) -> None:
    model = Path(shutil.copytree(MODEL, tmp_path / "model"))
    (model / "flow.pt").unlink()
    (tmp_path / "file").touch()
    named = {"PODTTS_MODEL": str(model), "PODTTS_CACHE_DIR": str(tmp_path / "file" / "cache")}
    lines = run("doctor", env=named).done().lines
    missing = [line for line in lines if line.startswith("missing")]
    assert len(missing) == 2
    assert f"{tmp_path / 'file'} is a file" in missing[0]
    assert "flow.safetensors or flow.pt" in missing[1]
    assert not (tmp_path / "file" / "cache").exists()


def test_doctor_accepts_a_complete_model() -> None:
    assert run("doctor", env={"PODTTS_MODEL": str(MODEL)}).done().lines[-1] == "nothing is missing"
