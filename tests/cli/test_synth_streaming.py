"""`podtts synth --flow-mode streaming`: files and streams have the same samples."""

import os
import select
from pathlib import Path

import pytest
from support.commands import run, started
from support.golden_data import MODEL
from support.journals import journal
from support.printing_steps import PRINTING

DECODE_STEPS = "podtts.llm.decoder:Decoder:step"
# Every turn has 60 tokens: two chunks and more.
LONG_TURNS = """
from dataclasses import replace
from podtts.weights.settings import CheckpointSettings

own = CheckpointSettings.sampling.fget
CheckpointSettings.sampling = property(lambda s: replace(own(s), min_tokens=60, max_tokens=60))
"""
QUICK = ("--model", MODEL, "--flow-steps", "1", "--flow-mode", "streaming")


def samples_of(raw: bytes) -> bytes:
    """The samples of a WAV file, without its header."""
    return raw[raw.index(b"data") + 8 :]


def test_a_pipe_gets_the_samples_of_the_file(talk: Path, prepared: Path, tmp_path: Path) -> None:
    flags = (*QUICK, "--cache-dir", prepared)
    file = tmp_path / "out.wav"
    run("synth", talk, "-o", file, *flags).done()
    piped = run("synth", talk, "-o", "-", *flags).done()
    assert samples_of(piped.stdout) == samples_of(file.read_bytes())
    assert "a turn that fails a check gets no other attempt" in piped.stderr
    assert piped.said[-1].startswith("stdout: 4 turns, ")
    small = run("synth", talk, "-o", "-", *flags, "--flow-cache", "0", "--retries", "0").done()
    assert small.stdout == piped.stdout
    assert "no other attempt" not in small.stderr


def test_sound_goes_out_inside_a_turn(own_cache: Path, tmp_path: Path) -> None:
    """The command is held in a decode step of its only turn. One thread: a chunk is rendered
    before the next step."""
    script = tmp_path / "one.txt"
    script.write_text("[anna] Good evening!\n")
    command = (DECODE_STEPS, "synth", script, *QUICK, "--cache-dir", own_cache, "--threads", "1")
    limits = ("--max-turn-tokens", "60", "--retries", "0")
    file, program = tmp_path / "out.wav", LONG_TURNS + PRINTING
    with started(*command, *limits, "-o", file, script=program) as running:
        running.finish()
    with started(*command, *limits, "-o", "-", script=program) as running:
        for _ in range(30):
            running.wait_for("a step")
        assert select.select([running.stdout], [], [], 0)[0]
        begin = os.read(running.stdout.fileno(), 2**16)
        steps = running.heard.count("a step\n")
        rest = running.finish()
    assert len(samples_of(begin)) > 0
    assert steps + 20 < rest.said.count("a step")
    assert samples_of(begin + rest.stdout) == samples_of(file.read_bytes())


def test_a_journal_of_another_mode_is_not_continued(
    talk: Path, prepared: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    flags = ("--model", MODEL, "--flow-steps", "1", "--cache-dir", prepared)
    run("synth", talk, "-o", out, *flags, "--limit-turns", "1").done()
    refused = run("synth", talk, "-o", out, *flags, "--flow-mode", "streaming", "--resume")
    assert "with flow mode full, this run uses streaming" in refused.error
    assert journal(out).is_dir()


@pytest.mark.parametrize("mode", ["steaming", ""])
def test_an_unknown_mode_is_refused(mode: str, talk: Path) -> None:
    refused = run("synth", talk, "-o", "-", "--flow-mode", mode, "--model", MODEL)
    assert refused.code == 2
    assert "unknown flow-mode" in refused.error
