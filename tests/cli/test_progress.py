"""A run shows a progress bar at a terminal, and none in a pipe."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import environment, run
from support.golden_data import MODEL

pty = pytest.importorskip("pty", reason="no pseudo-terminals here")

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
STEPS = (
    "measuring loudness",
    "writing [a] talk.turns",
    "writing [a] talk.speakers",
    "writing page.html",
    "encoding [a] talk.mp3",
)


@pytest.fixture
def command(
    first_synth: tuple[Path, object], talk: Path, prepared: Path, tmp_path: Path
) -> list[str]:
    """A command that writes other files from a complete journal."""
    episode = first_synth[0]
    journal = f"{episode.name}.podtts"
    shutil.copytree(episode.with_name(journal), tmp_path / "[a] talk.mp3.podtts")
    flags = f"--model {MODEL} --cache-dir {prepared} --flow-steps 2 --resume --loudness -20"
    output = ["-o", str(tmp_path / "[a] talk.mp3"), "--page", str(tmp_path / "page.html")]
    return ["synth", str(talk), *flags.split(), "--split", "turns,speakers", *output]


def at_a_terminal(command: list[str]) -> str:
    """The stderr of a command at a terminal of 200 columns, without control sequences."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "podtts", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=environment({"TERM": "xterm", "COLUMNS": "200"}),
    ) as process:
        os.close(theirs)
        stderr = b""
        while part := _read(ours):
            stderr += part
    os.close(ours)
    assert process.returncode == 0, stderr
    return CONTROL.sub("", stderr.decode())


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 2**16)
    except OSError as error:  # so Linux says that nobody can write any more
        if error.errno != errno.EIO:
            raise
        return b""


def test_a_terminal_shows_the_turns_and_then_every_step(command: list[str]) -> None:
    shown = at_a_terminal(command)
    places = [shown.index("turn 4/4"), *(shown.index(step) for step in STEPS)]
    assert places == sorted(places)
    for step in STEPS:
        shares = re.findall(rf"(\d+)% {re.escape(step)}", shown)
        assert (shares[0], shares[-1]) == ("0", "100"), step
    assert "[a] talk.mp3: 4 turns (0 synthesized now)" in shown.splitlines()[-1]


def test_a_pipe_gets_no_bar(command: list[str]) -> None:
    said = run(*command, "--verbose").done().stderr
    assert "\x1b" not in said
    assert not any(step in said for step in STEPS)
    steps = re.findall(r"^\[PERF\] stage=(\w+) device=cpu seconds=[\d.]+ (.+)$", said, re.MULTILINE)
    assert [f"{verb} {what}" for verb, what in steps if "turn=" not in what] == [*STEPS]
