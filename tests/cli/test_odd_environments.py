"""Every command with odd folders, variables and users: no harm, or one line."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import run, run_script, started
from support.every_command import CALLS, command_of
from support.gates import gate
from support.odd_start import UNDISTURBED, Start, codes, laid_out, user

NOBODY, NAMELESS = 65534, 54321  # users without rights; the system does not know the second one
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
HARMLESS: dict[str, dict[str, str]] = {  # what does no harm alone does none together
    "20 columns, the C locale": {"COLUMNS": "20", "LINES": "3", **C_LOCALE},
    "no number of columns, no folder for temporary files": {"COLUMNS": "abc", "TMPDIR": "/no"},
}
IN_A_REMOVED_FOLDER = """
import os, sys
gone, *command = sys.argv[1:]
os.mkdir(gone)
os.chdir(gone)
os.rmdir(gone)
os.execvp(command[0], command)
"""
WITHOUT_HOME = """
import os, sys
del os.environ["HOME"]
os.execvp(sys.argv[1], sys.argv[1:])
"""
PODTTS = (sys.executable, "-m", "podtts")


@pytest.fixture
def start() -> Iterator[Start]:
    with laid_out() as start:
        yield start


def give_to(number: int, folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, number, number)


def changed(by_command: dict[str, int]) -> dict[str, int]:
    """The usual exit codes, but for some commands."""
    return {call: by_command.get(command_of(call), code) for call, code in UNDISTURBED.items()}


@pytest.mark.parametrize("variables", HARMLESS.values(), ids=HARMLESS)
def test_odd_variables(variables: dict[str, str], start: Start) -> None:
    start.variables |= variables
    assert codes(start.run()) == UNDISTURBED


def test_files_for_their_owner_alone(start: Start) -> None:
    start.first.append(lambda: os.umask(0o077))
    assert codes(start.run()) == UNDISTURBED


def test_a_user_without_rights(start: Start) -> None:
    start.launcher = user(NOBODY)
    for folder in (start.folder, start.home):
        give_to(NOBODY, folder)
    assert codes(start.run()) == UNDISTURBED


def test_a_home_of_somebody_else(start: Start) -> None:
    start.launcher = user(NOBODY)
    give_to(NOBODY, start.folder)
    lost = {"prep": 1, "cache export": 3, "cache import": 3, "cache rm": 3}  # nothing was stored
    assert codes(start.run()) == changed(lost)


def test_a_folder_of_somebody_else(start: Start) -> None:
    start.launcher = user(NOBODY)
    give_to(NOBODY, start.home)
    refused = {"init": 5, "synth": 2, "batch": 2, "cache export": 5, "model convert": 5}
    lost = {"cache import": 3, "cache rm": 3}  # nothing was exported
    assert codes(start.run()) == changed(refused | lost)


@pytest.mark.parametrize("call", CALLS)
def test_a_removed_working_folder_is_an_error(call: str, tmp_path: Path) -> None:
    result = run_script(IN_A_REMOVED_FOLDER, tmp_path / "gone", *PODTTS, *call.split())
    assert result.code == 2
    assert result.error.startswith("the working folder cannot be found: ")


def test_a_working_folder_that_is_removed_during_a_run_does_no_harm(
    start: Start, tmp_path: Path
) -> None:
    here, work = tmp_path / "here", start.folder
    here.mkdir()
    arguments = ("synth", work / "talk.txt", "-o", work / "talk.wav", "--subtitles", "srt")
    flags = ("--model", work / "model", "--speakers", work / "recordings", "--flow-steps", "1")
    with (
        gate(tmp_path / "gate", "*/talk.srt") as held,
        started(*arguments, *flags, cwd=here, env=held.env) as running,
    ):
        running.wait_for("random weights")
        held.wait_for_arrival(running)
        here.rmdir()
        held.open()
        result = running.finish().done()
    assert f"also written: {work / 'talk.srt'}\n" in result.stderr


@pytest.mark.parametrize("call", CALLS)
def test_no_home_folder_is_an_error(call: str) -> None:
    result = run_script(WITHOUT_HOME, *user(NAMELESS), *PODTTS, *call.split())
    assert (result.code, result.error) == (
        2,
        "HOME is not set, and this user has no home folder; set HOME to a folder",
    )


@pytest.mark.parametrize("call", ["synth talk.txt -o talk.wav", "batch scripts -o episodes"])
def test_a_date_that_is_none_is_refused_before_any_work(call: str, start: Start) -> None:
    before = {*start.folder.iterdir()}
    flags = ("--model", "model", "--speakers", "recordings")
    result = run(*call.split(), *flags, cwd=start.folder, env={"SOURCE_DATE_EPOCH": "abc"})
    assert result.code == 2
    assert result.error.startswith("SOURCE_DATE_EPOCH=abc is no number of seconds")
    assert {*start.folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "variables"),
    [("对话.txt", C_LOCALE), (os.fsdecode("对话.txt".encode("gbk")), {})],
    ids=["locale", "name"],
)
def test_a_name_that_is_no_text_is_an_error(
    name: str, variables: dict[str, str], tmp_path: Path
) -> None:
    """It would be written to journals, pages and logs, which are text in UTF-8."""
    (tmp_path / name).write_text("[S1] Good evening.\n")
    result = run("check", name, cwd=tmp_path, env=variables)
    assert result.code == 2
    assert result.error.endswith("; rename the file, or set LC_ALL=C.UTF-8")


@pytest.mark.parametrize("columns", ["20", "1", "0", "-3", "abc", "²", ""])
@pytest.mark.parametrize("command", ["synth", "cache"])
def test_help_in_any_width(command: str, columns: str) -> None:
    shown = run(command, "--help", env={"COLUMNS": columns}).done()
    assert shown.lines[0].startswith("Usage:")
    assert shown.stderr == ""
