"""What the README shows of a terminal is done in one, and says what it says there."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from support.commands import environment
from support.console import Step, is_like, steps
from support.line_pipe import line_pipe
from support.readme import README, ROOT, blocks

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")

PIP = """exec {python} -m pip "$@" --disable-pip-version-check --root-user-action ignore \
    --no-index --no-deps --no-build-isolation --target {site}"""
LLM = """cat <<END
[anna] Do you hear that?
[ben] Hear what?
END"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs that are found before all others."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return programs


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def perform(step: Step, folder: Path, env: dict[str, str]) -> list[str]:
    """Do a step, and return the lines a terminal would have shown."""
    if step.is_killed:
        return perform_and_kill(step, folder, env)
    done = subprocess.run(
        ["bash", "-c", step.command],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


def perform_and_kill(step: Step, folder: Path, env: dict[str, str]) -> list[str]:
    """Kill a step after its first turn.

    It writes its event log to a pipe that holds one line. So it waits after its third turn at the
    latest.
    """
    events, stdout = line_pipe()
    with subprocess.Popen(
        ["bash", "-c", f"exec {step.command}"],
        cwd=folder,
        env=env | {"EVENTS": "-"},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(stdout)
        while b'"event": "turn"' not in (event := os.read(events, 2**16)):
            assert event, "it ended before its first turn"
        process.send_signal(signal.SIGKILL)
        _, told = process.communicate()
    os.close(events)
    assert process.returncode == -signal.SIGKILL, told
    return told.splitlines()


def test_the_journey_is_as_it_stands_there(shell: Path, tmp_path: Path) -> None:
    """With a podtts that pip installs from these very sources, as a wheel."""
    checkout, site = tmp_path / "podtts", tmp_path / "site"
    for name in ("src", "cache", "examples"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, checkout / name)
    program(shell, "pip", PIP.format(python=sys.executable, site=site))
    log = "${EVENTS:+--log-json $EVENTS}"  # see perform_and_kill
    program(shell, "podtts", f'exec {site}/bin/podtts "$@" {log}')
    env = environment({"PYTHONPATH": str(site), "PYTHONUNBUFFERED": "1"})
    [transcript] = blocks("console")
    was_killed = False
    for step in steps(transcript):
        told = perform(step, checkout, env)
        assert is_like(told, step.lines, counts_differ=was_killed), "\n".join([step.command, *told])
        was_killed = step.is_killed
    assert (site / "podtts" / "assets" / "page" / "page.js").is_file()


def shell_examples() -> list[str]:
    """The commands of the section on shell use."""
    section = README.partition("## Shell use")[2].partition("\n## ")[0]
    [block] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    joined = re.sub(r"\|\n\s+", "| ", block)
    return [line for line in joined.splitlines() if line]


@pytest.mark.parametrize("command", shell_examples())
def test_examples_of_shell_use_work(command: str, shell: Path, tmp_path: Path) -> None:
    if "ffmpeg" in command and not shutil.which("ffmpeg"):
        pytest.skip("no ffmpeg here (Debian: apt-get install ffmpeg)")
    program(shell, "podtts", f'exec {sys.executable} -m podtts "$@"')
    program(shell, "llm", LLM)
    folder = tmp_path / "here"
    (folder / "scripts").mkdir(parents=True)
    for name in ("talk.txt", "scripts/a.txt", "scripts/b.txt"):
        (folder / name).write_text("[anna] Do you hear that?\n[ben] Hear what?\n")
    before = {*folder.rglob("*")}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment(None),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = {path for path in {*folder.rglob("*")} - before if path.parent.suffix != ".podtts"}
    sounds = [path for path in made if path.is_file()]
    assert len(sounds) == (2 if "xargs" in command else 1)
    for sound in sounds:
        if sound.suffix != ".m4a":
            assert soundfile.info(sound).duration > 1
    if "--log-json" in command:
        assert done.stdout == "2\n"


def test_the_check_of_transcripts_finds_differences() -> None:
    [step] = steps("$ podtts x\n> more\nmodel …mini, seed 1\n…\nend: 4 turns, 8.3 s\n")
    assert (step.command, step.is_killed) == ("podtts x\nmore", False)
    for told, like in (
        (["model /a/mini, seed 1", "end: 4 turns, 10.25 s"], True),
        (["model mini, seed 1", "other", "lines", "end: 4 turns, 1.0 s"], True),
        (["model mini, seed 2", "end: 4 turns, 8.3 s"], False),
        (["model mini, seed 1", "end: 5 turns, 8.3 s"], False),
        (["model mini, seed 1", "end: 4 turns, 8 s"], False),
        (["model mini, seed 1", "end: 4 turns, 8.3 s", "more"], False),
    ):
        assert is_like(told, step.lines, counts_differ=False) is like
    taken = ["2 of 5 turns are taken"]
    assert is_like(["3 of 5 turns are taken"], taken, counts_differ=True)
    assert not is_like(["3 of 5 turns are taken"], taken, counts_differ=False)
