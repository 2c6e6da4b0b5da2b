"""Texts that are too long for a turn are refused, with their lines, before any work is done."""

import json
import shutil
from pathlib import Path

import pytest
from support.commands import run, run_and_list_modules
from support.golden_data import MODEL, models, trace_prompts

from podtts.engine.engine import Engine
from podtts.engine.request import Request
from podtts.errors import ScriptError
from podtts.options import MAX_TEXT_TOKENS
from podtts.script.parse import parse_script

SPLIT = "split it into several turns, or give a long word spaces"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A word without end, and as much punctuation, which takes no time and so is never split."""
    path = tmp_path / "talk.txt"
    path.write_text(f"[anna] Hello.\n[ben] {'ab' * 250_000}\n[anna] No{'!' * 9000}\n")
    return path


def test_every_command_refuses_them_without_weights(
    script: Path, prepared: Path, tmp_path: Path
) -> None:
    flags = ("--model", MODEL, "--cache-dir", prepared)
    result, modules = run_and_list_modules("check", script, *flags)
    assert result.code == 3
    *_, second, first = result.said
    assert first.startswith(f"podtts: {script}:2: this turn has ")
    assert first.endswith(f" text tokens, more than {MAX_TEXT_TOKENS}; {SPLIT}")
    assert second.startswith(f"podtts: warning: {script}:3: this turn has ")
    assert not modules & {"torch", "transformers"}

    refused = run("synth", script, "-o", tmp_path / "out.wav", "--verbose", *flags)
    assert (refused.code, refused.said[-1]) == (3, first)
    assert "stage=load" not in refused.stderr
    assert not (tmp_path / "out.wav.podtts").exists()

    manifest = tmp_path / "all.jsonl"
    manifest.write_text(json.dumps({"id": "one", "script": str(script)}))
    failed = run("batch", manifest, "-o", tmp_path / "out", *flags)
    assert failed.code == 1
    assert any(first in line for line in failed.said)


def test_the_transcript_of_a_voice_has_the_same_limit(
    speakers: Path, prepared: Path, tmp_path: Path
) -> None:
    cache = Path(shutil.copytree(prepared, tmp_path / "cache"))
    (speakers / "ben.txt").write_text("ab" * 20_000)
    flags = ("--model", MODEL, "--cache-dir", cache)
    run("prep", speakers / "ben.wav", *flags).done()
    script = tmp_path / "talk.txt"
    script.write_text("[anna] Hello.\n[ben] Hi.\n")
    for command in (("check", script), ("synth", script, "-v", "-o", tmp_path / "a.wav")):
        result = run(*command, *flags)
        assert result.code == 3
        assert "stage=load" not in result.stderr
        assert result.said[-1].startswith("podtts: the transcript of voice ben has ")
        assert result.said[-1].endswith(f" more than {MAX_TEXT_TOKENS}; shorten it")


def test_the_library_refuses_them() -> None:
    script = parse_script(f"[S1] {'ab' * 9000}")
    engine = Engine(models(), rows=1)
    with pytest.raises(ScriptError, match="this turn has"):
        engine.add(Request("one", script, trace_prompts("plain")[:1]))


def test_a_long_text_of_few_tokens_is_taken(prepared: Path, tmp_path: Path) -> None:
    script = tmp_path / "talk.txt"
    script.write_text(f"[anna] Ha! {'<|laughter|>' * (MAX_TEXT_TOKENS // 2)}\n")
    run("check", script, "--model", MODEL, "--cache-dir", prepared).done()
