"""Every command with streams that are closed, broken or full: no harm, or one line."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.commands import run_script
from support.every_command import CALLS, command_of
from support.odd_start import UNDISTURBED, Start, codes, laid_out

STDIN, STDOUT, STDERR = range(3)
FULL = Path("/dev/full")
SILENT = {"synth", "batch", "serve", "cache prune", "model pull"}  # they print no result

Fault = Callable[[int], Callable[[], object]]  # what to do to a stream before a command starts


@pytest.fixture
def start() -> Iterator[Start]:
    with laid_out() as start:
        yield start


def closed(stream: int) -> Callable[[], object]:
    return lambda: os.close(stream)


def broken(stream: int) -> Callable[[], object]:
    def replace() -> None:
        reader, writer = os.pipe()
        os.dup2(writer, stream)
        os.close(reader)
        os.close(writer)

    return replace


def full(stream: int) -> Callable[[], object]:
    if not FULL.exists():
        pytest.skip("no /dev/full here")
    return lambda: os.dup2(os.open(FULL, os.O_WRONLY | os.O_CLOEXEC), stream)


@pytest.mark.parametrize(
    "streams",
    [(STDIN,), (STDOUT,), (STDERR,), (STDIN, STDOUT, STDERR)],
    ids=["stdin", "stdout", "stderr", "all"],
)
def test_no_command_needs_a_closed_stream(streams: tuple[int, ...], start: Start) -> None:
    start.first += map(closed, streams)
    results = start.run()
    assert codes(results) == UNDISTURBED
    for call, result in results.items():  # messages go nowhere, and not to stdout
        assert not result.stdout or command_of(call) not in SILENT


@pytest.mark.parametrize(
    ("stream", "call", "problem"),
    [
        (STDIN, "check -", "there is no stdin to read the script from"),
        (STDIN, "batch - -o episodes", "there is no stdin to read the manifest from"),
        (STDIN, "cache clear", "nothing removed: --yes must be given"),
        (STDOUT, "synth talk.txt -o -", "there is no stdout to write to"),
        (STDOUT, "synth talk.txt -o talk.wav --log-json -", "there is no stdout to write the log"),
        (STDOUT, "bench --json -", "there is no stdout to write the figures to"),
    ],
)
def test_what_needs_a_closed_stream_says_so(
    stream: int, call: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = f"import os, sys; os.close({stream}); os.execv(sys.executable, sys.argv[1:])"
    monkeypatch.chdir(tmp_path)
    Path("talk.txt").write_text("[S1] Good evening.\n")
    result = run_script(close, sys.executable, "-m", "podtts", *call.split())
    assert result.code == 2
    assert result.error.startswith(problem)


@pytest.mark.parametrize("fault", [broken, full])
def test_messages_that_nobody_gets_stop_nothing(fault: Fault, start: Start) -> None:
    start.first.append(fault(STDERR))
    assert codes(start.run()) == UNDISTURBED


@pytest.mark.parametrize(("fault", "code", "lines"), [(broken, 1, 0), (full, 5, 1)])
def test_results_that_nobody_gets_are_an_error(
    fault: Fault, code: int, lines: int, start: Start
) -> None:
    start.first.append(fault(STDOUT))
    results = start.run()
    printing = [call for call in CALLS if command_of(call) not in SILENT]
    assert codes(results) == UNDISTURBED | dict.fromkeys(printing, code)
    for call in printing:
        errors = [line for line in results[call].said if line.startswith("podtts: ")]
        assert len(errors) == lines, call
