import importlib.metadata
import shutil
from pathlib import Path

from support.commands import run
from support.golden_data import MODEL


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
