"""What all commands have in common: help, version, usage errors, and errors of one line."""

import inspect
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from support.commands import environment, run, run_and_list_modules, run_script
from support.every_command import command_names

import podtts
from podtts.cli import batch, bench, serve, synth
from podtts.cli.app import main
from podtts.cli.help_panels import PANELS

HEAVY = {"torch", "torchaudio", "transformers", "onnxruntime", "soundfile", "huggingface_hub"}
FULL = Path("/dev/full")
LONGEST: dict[str, Callable[..., None]] = {
    "synth": synth.synth,
    "batch": batch.batch,
    "bench": bench.bench,
    "serve": serve.serve,
}

# Starts a program; whoever looks for the shell above that finds the name that this runs under.
SHELL = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"

BROKEN_COMMAND = """
from podtts.cli.app import app, main
@app.command("break")
def break_() -> None:
    raise ZeroDivisionError("a bug in podtts")
main()
"""


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_commands_and_exit_codes(flag: str) -> None:
    shown = run(flag).done().stdout.decode()
    for command in ("prep", "synth", "check", "bench", "tags", "doctor", "cache", "model"):
        assert f"\n  {command} " in shown
    codes = re.findall(r"^ +(\d[\d, ]*)  [a-z]", shown, re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "4", "5", "130, 143"]


def test_every_command_has_help() -> None:
    for command in ("synth", "cache rm", "model pull"):
        shown = run(*command.split(), "--help").done().stdout.decode()
        assert shown.startswith("Usage:")


@pytest.mark.parametrize("command", LONGEST)
def test_every_option_is_in_one_panel_behind_the_examples(command: str) -> None:
    shown = run(command, "--help", env={"COLUMNS": "100"}).done().stdout.decode()
    assert len(re.findall(rf"^    podtts {command}\b.*$", shown, re.MULTILINE)) == 3
    sections = re.findall(r"^([A-Z][\w ]+):\n((?:  .*\n)+)", shown, re.MULTILINE)
    panels = [panel for panel, _ in sections if panel not in ("Arguments", "Exit codes")]
    assert panels == [panel for panel in PANELS if panel in panels]
    option = re.compile(r"^  (?:-\w, )?(--[\w-]+)", re.MULTILINE)
    options = [name for _, block in sections for name in option.findall(block)]
    parameters = inspect.signature(LONGEST[command]).parameters.keys()
    arguments = {"context", *(["script"] if command == "synth" else [])}
    arguments |= {"scripts"} if command == "batch" else set()
    assert len(options) == len(set(options)) == len(parameters - arguments) + 1  # and --help


@pytest.mark.parametrize("command", ["synth", "batch"])
def test_the_most_used_options_come_first(command: str) -> None:
    shown = run(command, "--help").done().stdout.decode()
    [first] = re.findall(r"^Most used:\n((?:  .*\n)+)", shown, re.MULTILINE)
    names = re.findall(r"^  (?:-\w, )?(--[\w-]+)", first, re.MULTILINE)
    assert names == ["--output", "--speaker", "--speakers", "--model", "--preset"]


def test_panels_name_only_options_that_exist() -> None:
    named = [name for names in PANELS.values() for name in names]
    known = {name for command in LONGEST.values() for name in inspect.signature(command).parameters}
    assert len(named) == len(set(named))
    assert {*named} - {"help"} <= known


def test_version() -> None:
    assert run("--version").done().lines == [f"podtts {podtts.__version__}"]


def test_the_installed_command_is_this_one() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    module, _, name = project["project"]["scripts"]["podtts"].partition(":")
    assert getattr(import_module(module), name) is main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("sing", "No such command 'sing'"),
        ("--loud", "--loud"),
        ("synth --loud", "--loud"),
        ("synth talk.txt", "Missing option '--output'"),
        ("synth -o out.wav", "Missing argument 'SCRIPT'"),
        ("prep", "Missing argument 'PATH...'"),
        ("cache empty", "No such command 'empty'"),
        ("cache rm", "Missing argument 'NAME'"),
        ("cache ls --json yes", "yes"),
        ("model pull", "Missing argument 'NAME'"),
        ("synth talk.txt -o out.wav --seed soon", "'--seed'"),
        ("synth talk.txt -o out.wav --threads 0", "'--threads'"),
        ("synth talk.txt -o out.wav --threads 10000", "'--threads'"),
        ("batch scripts -o out --threads 1025", "'--threads'"),
        ("bench --threads 10000", "'--threads'"),
        ("prep recordings --threads -1", "'--threads'"),
        ("synth talk.txt -o out.wav --temperature warm", "'--temperature'"),
    ],
)
def test_usage_errors_are_one_line(arguments: str, words: str) -> None:
    result = run(*arguments.split())
    assert result.code == 2
    assert words in result.error
    assert "--help" in result.error
    assert ".;" not in result.error


def test_podtts_alone_says_how_to_begin() -> None:
    shown = run().done()
    assert shown.stderr == ""
    for command in ("podtts init my-podcast", "podtts voices", "podtts --help"):
        assert f"\n  {command} " in shown.stdout.decode()


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_no_description_of_a_command_is_cut(columns: str) -> None:
    for group in ([], ["cache"], ["model"]):
        shown = run(*group, "--help", env={"COLUMNS": columns}).done().stdout.decode()
        commands = shown.partition("Commands:\n")[2].partition("\n\n")[0]
        sentences = re.split(r"\n  (?=[a-z])", commands)
        assert len(sentences) > 2
        assert all(sentence.rstrip().endswith(".") for sentence in sentences), commands
        assert "..." not in commands


@pytest.mark.parametrize("command", command_names())
def test_help_names_no_type_of_python(command: str) -> None:
    shown = run(*command.split(), "--help").done().stdout.decode()
    assert not re.search(r"<\w|list\[", shown), shown


@pytest.mark.parametrize(
    ("shell", "word"),
    [("bash", b"complete -o"), ("zsh", b"compdef"), ("fish", b"--command podtts")],
)
def test_completion_is_for_the_command_podtts(shell: str, word: bytes) -> None:
    """As docs/cli.md has it: the script, and what it asks podtts when the user presses tab."""
    program = "import sys; from podtts.cli.app import main; sys.argv[0] = 'podtts'; main()"
    name = str(Path(sys.executable).with_name(shell))
    command = [name, "-c", SHELL, sys.executable, "-c", program, "--show-completion"]
    shown = subprocess.run(
        command, executable=sys.executable, env=environment(None), capture_output=True, check=True
    )
    assert b"_PODTTS_COMPLETE" in shown.stdout
    assert word in shown.stdout
    asked = {"_PODTTS_COMPLETE": "complete_bash", "COMP_WORDS": "podtts sy", "COMP_CWORD": "1"}
    answer = run_script(program, env=asked)
    assert answer.stdout.split() == [b"synth"]


@pytest.mark.parametrize("arguments", [["cache"], ["model"]])
def test_a_group_without_a_command_prints_its_help(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert result.stderr.startswith("Usage:")
    assert "Commands:" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "synth --help",
        "check --help",
        "bench --help",
        "cache ls",
        "cache path",
        "tags",
        "model ls",
    ],
)
def test_commands_without_a_model_import_no_heavy_library(arguments: str) -> None:
    result, modules = run_and_list_modules(*arguments.split())
    assert result.code == 0
    assert "podtts" in modules
    assert not modules & HEAVY


def test_help_imports_neither_numpy_nor_rich() -> None:
    assert not run_and_list_modules("--help")[1] & {"numpy", "rich", "safetensors"}


def test_a_bug_is_one_line_and_asks_for_a_report() -> None:
    result = run_script(BROKEN_COMMAND, "break")
    assert result.code == 1
    assert result.error.startswith("internal error: ZeroDivisionError: a bug in podtts; ")
    assert "report" in result.error


def test_debug_prints_the_traceback_of_a_bug() -> None:
    result = run_script(BROKEN_COMMAND, "--debug", "break")
    assert result.code == 1
    assert "Traceback" in result.stderr
    assert "in break_" in result.stderr


def test_debug_prints_the_traceback_of_an_error() -> None:
    plain, debugged = run("cache", "rm", "nobody"), run("--debug", "cache", "rm", "nobody")
    assert plain.code == 3
    assert "nobody" in plain.error
    assert "Traceback" in debugged.stderr
    assert "VoiceError" in debugged.stderr


def test_an_error_of_the_system_is_one_line(tmp_path: Path) -> None:
    result = run("cache", "ls", "--cache-dir", tmp_path / ("long" * 100))
    assert result.code == 2
    assert result.error.endswith("File name too long")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_line() -> None:
    with FULL.open("wb") as full:
        result = run("tags", stdout=full.fileno())
    assert result.code == 5
    assert result.error == (
        "stdout: cannot be written: No space left on device; make room, then run the same command "
        "again"
    )


def test_stdout_may_be_closed_and_have_any_encoding(tmp_path: Path) -> None:
    folder = tmp_path / "小希"
    result = run("cache", "path", "--cache-dir", folder, env={"PYTHONIOENCODING": "ascii"}).done()
    assert result.lines == [f"{tmp_path}/\\u5c0f\\u5e0c"]
    closed = "import os, sys; os.close(1); os.execv(sys.executable, sys.argv[1:])"
    assert run_script(closed, sys.executable, "-m", "podtts", "tags").done().stderr == ""


def test_an_error_keeps_spaces_in_a_file_name(tmp_path: Path) -> None:
    script = tmp_path / "two  spaces.txt"
    result = run("synth", script, "-o", tmp_path / "out.wav")
    assert result.code == 3
    assert result.error.startswith(f"{script}: no such script")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_prints_no_error(unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = run("tags", stdout=writer, env={"PYTHONUNBUFFERED": unbuffered})
    finally:
        os.close(writer)
    assert (result.code, result.stderr) == (1, "")
