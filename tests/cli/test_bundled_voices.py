"""The voices that podtts contains, in a copy of the package."""

import shutil
from pathlib import Path

from support.commands import Result, run
from support.documents import ROOT


def test_a_damaged_bundled_voice_is_an_error_with_a_hint(tmp_path: Path) -> None:
    unneeded = shutil.ignore_patterns("__pycache__")
    for name in ("src", "cache"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unneeded)
    bundled = tmp_path / "cache"
    for path in (bundled / "prompts").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    script = tmp_path / "talk.txt"
    script.write_text("[anna] Did you hear that?\n")

    def check() -> Result:
        return run("check", script, env={"PYTHONPATH": str(tmp_path / "src")})

    first = check()
    assert first.code == 3
    assert "anna (missing)" in first.lines[1]
    put_aside, refused = first.said
    assert put_aside.startswith(f"podtts: warning: {bundled / 'prompts'}")
    assert f"; it was moved to {bundled / 'quarantine'}" in put_aside
    assert refused == (
        f"podtts: {script}:1: voice 'anna' comes with podtts, but its prompt in {bundled} "
        "is damaged or gone; install podtts again, or run: podtts prep anna.wav"
    )
    assert check().said == [refused]
