"""Turns that something else computed are not continued unsaid: engines, threads, versions."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.commands import run
from support.journals import (
    FLAGS,
    TURNS,
    forget_turns_behind,
    header_of,
    journal,
    previous,
    turns_spoken,
)

import podtts
from podtts.native.build import InstructionSet
from podtts.native.choice import Unavailable
from podtts.native.library import instructions_of, layers_library

needs_compiled_code = pytest.mark.skipif(
    isinstance(layers_library(), Unavailable), reason="compiled code does not run here"
)


@pytest.fixture
def uncompiled(tmp_path: Path) -> Mapping[str, str]:
    """An environment for a podtts that is not compiled yet, where there is no compiler."""
    source, package = Path(podtts.__file__).parent, tmp_path / "source" / "podtts"
    package.mkdir(parents=True)
    for path in source.iterdir():
        if path.name not in ("native", "__pycache__"):
            (package / path.name).symlink_to(path)
    compiled = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source / "native", package / "native", ignore=compiled)
    empty = tmp_path / "bin"
    empty.mkdir()
    cache = tmp_path / "home" / "cache"
    return {"PYTHONPATH": str(package.parent), "PATH": str(empty), "XDG_CACHE_HOME": str(cache)}


@needs_compiled_code
def test_turns_of_compiled_code_are_not_continued_without_it_unless_asked_for(
    again: Path, six_turns: Path, prepared: Path, uncompiled: Mapping[str, str]
) -> None:
    forget_turns_behind(again, 2)
    command = ("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared)
    refused = run(*command, "--resume", env=uncompiled)
    assert refused.code == 2
    chosen = instructions_of("layers")
    assert isinstance(chosen, InstructionSet)
    assert (
        f"{journal(again)}: the journal was made with the LLM's layers computed by compiled code "
        f"{chosen.bits} "
    ) in refused.error
    assert ", this run uses onnxruntime; with the flow computed by compiled code " in refused.error
    assert ", this run uses torch; " in refused.error
    assert "; see podtts doctor for what computes here, go on regardless with " in refused.error
    assert not again.exists()

    run(*command, "--resume-anyway", env=uncompiled).done()
    [former] = header_of(again)["mixed"]
    assert former.keys() == {"kernels.llm", "kernels.flow", "kernels.vocoder", "onnxruntime"}
    assert turns_spoken(again) == list(range(1, TURNS + 1))
    mixed = again.read_bytes()
    repeated = run(*command, env=uncompiled).done()
    assert "was continued with --resume-anyway: its turns are not those of an unint" in (
        repeated.stderr
    )
    assert again.read_bytes() == mixed

    # Where the code is compiled, a repeat begins anew and loses nothing.
    result = run(*command, "--limit-turns", "1").done()
    assert f"6 turns of the earlier run are set aside in {previous(again, 1)}: " in result.stderr
    assert turns_spoken(again) == [1]


def test_other_threads_name_both_numbers_and_the_flag(
    again: Path, six_turns: Path, prepared: Path
) -> None:
    forget_turns_behind(again, 5)
    threads = header_of(again)["threads"]
    command = ("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared)
    more = ("--threads", str(threads + 1))
    refused = run(*command, *more, "--resume")
    assert refused.error == (
        f"{journal(again)}: the journal was made with threads {threads}, this run uses "
        f"{threads + 1}; use the same --threads again, go on regardless with --resume-anyway, or "
        "start over with --fresh"
    )
    run(*command, *more, "--resume-anyway").done()
    assert header_of(again)["mixed"] == [{"threads": threads}]
    assert header_of(again)["threads"] == threads + 1


def test_an_older_journal_is_continued_whatever_computed_it(
    again: Path, six_turns: Path, prepared: Path, finished: Path
) -> None:
    """It does not record what did."""
    forget_turns_behind(again, 5)
    path = journal(again) / "turns.jsonl"
    first, *turns = path.read_text().splitlines(keepends=True)
    header = json.loads(first)
    del header["kernels"], header["processor"]
    path.write_text("".join([json.dumps(header) + "\n", *turns]))
    run("synth", six_turns, "-o", again, *FLAGS, "--cache-dir", prepared, "--resume").done()
    assert again.read_bytes() == finished.read_bytes()
