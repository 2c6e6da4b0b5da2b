"""`podtts synth --flow-mode streaming`: files and streams have the same samples."""

from pathlib import Path

import pytest
from support.commands import run
from support.golden_data import MODEL
from support.journals import journal

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
