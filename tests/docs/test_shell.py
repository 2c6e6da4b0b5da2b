"""What the pages show of a terminal is done in one, and prints what it prints there."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import compile_once
from support.commands import environment
from support.console import Step, is_like, steps
from support.documents import DOCS, PAGES, README, ROOT, blocks, page_name
from support.line_pipe import line_pipe
from support.warm_start import shell_command

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")

PIP = """exec {python} -m pip "$@" --disable-pip-version-check --root-user-action ignore \
    --no-index --no-deps --no-build-isolation --target {site}"""
LLM = """cat <<END
[anna] Do you hear that?
[ben] Hear what?
END"""
TALK = "# A bridge\n[anna] Do you hear that?\n[ben] Hear what?\n"
NEEDS_FFMPEG = "needs ffmpeg"


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
        _, printed = process.communicate()
    os.close(events)
    assert process.returncode == -signal.SIGKILL, printed
    return printed.splitlines()


def test_the_tour_prints_what_the_page_shows(shell: Path, tmp_path: Path) -> None:
    """With a podtts that pip installs from these very sources, as a wheel."""
    checkout, site = tmp_path / "podtts", tmp_path / "site"
    for name in ("src", "cache", "examples"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, checkout / name)
    program(shell, "cc", compile_once.program())
    program(shell, "pip", PIP.format(python=sys.executable, site=site))
    log = "${EVENTS:+--log-json $EVENTS}"  # see perform_and_kill
    program(shell, "podtts", f'exec {site}/bin/podtts "$@" {log}')
    env = environment({"PYTHONPATH": str(site), "PYTHONUNBUFFERED": "1"})
    transcript = "".join(block.text for block in blocks(DOCS / "tour.md", "console"))
    was_killed = False
    for step in steps(transcript):
        printed = perform(step, checkout, env)
        shown = "\n".join([step.command, *printed])
        assert is_like(printed, step.lines, counts_differ=was_killed), shown
        was_killed = step.is_killed
    assert (site / "podtts" / "assets" / "page" / "page.js").is_file()


def shell_code(page: Path, note: str = "") -> str:
    """The shell code of a page that is run, all of it, in order."""
    return "".join(block.text for block in blocks(page, "sh") if block.note == note)


def make_folder(folder: Path) -> None:
    """The files that the commands of the pages use."""
    for name in ("talk.txt", "scripts/a.txt", "scripts/b.txt", "talks/monday.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(TALK)
    [manifest] = blocks(DOCS / "batch.md", "json")
    (folder / "all.jsonl").write_text(manifest.text)
    (folder / "recordings").mkdir()
    for name in ("anna.wav", "anna.txt"):
        shutil.copy(ROOT / "examples" / "speakers" / name, folder / "recordings" / name)
    shutil.copy(ROOT / "examples" / "speakers" / "clara.wav", folder / "take3.wav")
    noise = 0.1 * np.random.default_rng(1).standard_normal(48_000)
    for name in ("opening.flac", "bed.mp3", "closing.flac"):
        soundfile.write(folder / name, noise, 24_000)


def run_shell(code: str, shell: Path, folder: Path) -> list[str]:
    """Run shell code up to its end, where every command succeeds; return the lines of stdout."""
    program(shell, "podtts", f'{shell_command()} "$@"')
    program(shell, "llm", LLM)
    make_folder(folder)
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", code],
        cwd=folder,
        env=environment(None),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if shell_code(page) and page.name != "README.zh-CN.md"],
    ids=page_name,
)
def test_commands_work(page: Path, shell: Path, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    printed = run_shell(shell_code(page), shell, folder)
    for output in re.findall(r"(?<=-o )[\w/.]+(?=\s)", shell_code(page)):
        made = sorted((folder / output).glob("*.wav")) or [folder / output]
        for sound in made:
            assert soundfile.info(sound).duration > 0.5
    if page.name == "cli.md":
        assert {path.name for path in folder.glob("scripts/*.mp3")} == {"a.txt.mp3", "b.txt.mp3"}
        assert printed == ["2"]  # events of turns
    if page.name == "episodes.md":
        stems = sorted((folder / "talk.speakers").iterdir())
        assert [stem.name for stem in stems] == ["1-anna.flac", "2-ben.flac"]
        beside = {path.name for path in folder.glob("talk.*") if path.is_file()}
        assert beside.issuperset(
            {"talk.srt", "talk.vtt", "talk.chapters.json", "talk.transcript.md"}
        )
    if page.name == "batch.md":
        ids = {path.stem for path in (folder / "episodes").glob("*.wav")}
        assert ids == {"monday", "tuesday"}
    if page == README:
        assert (folder / "bridges.html").is_file()


def test_commands_for_ffmpeg_work(shell: Path, tmp_path: Path) -> None:
    if not shutil.which("ffmpeg"):
        pytest.skip("no ffmpeg here (Debian: apt-get install ffmpeg)")
    run_shell(shell_code(DOCS / "cli.md", NEEDS_FFMPEG), shell, tmp_path / "here")
    assert (tmp_path / "here" / "talk.m4a").stat().st_size > 1000


def test_what_is_not_run_has_a_reason() -> None:
    notes = {block.note for page in PAGES for block in blocks(page, "sh") if block.note}
    assert all(note == NEEDS_FFMPEG or re.match(r"not run: \w+", note) for note in notes)


def test_the_check_of_transcripts_finds_differences() -> None:
    [step] = steps("$ podtts x\n> more\nmodel …mini, seed 1\n…\nend: 4 turns, 8.3 s\n")
    assert (step.command, step.is_killed) == ("podtts x\nmore", False)
    for printed, like in (
        (["model /a/mini, seed 1", "end: 4 turns, 10.25 s"], True),
        (["model mini, seed 1", "other", "lines", "end: 4 turns, 1.0 s"], True),
        (["model mini, seed 2", "end: 4 turns, 8.3 s"], False),
        (["model mini, seed 1", "end: 5 turns, 8.3 s"], False),
        (["model mini, seed 1", "end: 4 turns, 8 s"], False),
        (["model mini, seed 1", "end: 4 turns, 8.3 s", "more"], False),
    ):
        assert is_like(printed, step.lines, counts_differ=False) is like
    taken = ["2 of 5 turns are taken"]
    assert is_like(["3 of 5 turns are taken"], taken, counts_differ=True)
    assert not is_like(["3 of 5 turns are taken"], taken, counts_differ=False)
