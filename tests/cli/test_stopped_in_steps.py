"""A signal in the middle of a long computation ends the run before its next steps.

The command prints a line before each step, and cannot get further than the second line after the
one that the test has read (support/commands.py). So the steps after the signal can be counted.
"""

import shutil
import signal
from pathlib import Path

import pytest
from support.commands import Running, started
from support.golden_data import MODEL
from support.printing_steps import PRINTING

from podtts.native.choice import Unavailable
from podtts.native.library import estimator_library, layers_library

PIECES = "podtts.llm.native_layers:NativeLayers:forward"
EVALUATIONS = "podtts.flow.native_estimator:NativeEstimator:__call__"
EVALUATIONS_OF_CHUNKS = "podtts.flow.native_estimator:NativeEstimator:extend"
RECORDINGS = "podtts.prompts.prepare::extract_prompt"
FOLLOWING = 2  # lines that may be under way when the signal comes

needs_compiled_code = pytest.mark.skipif(
    isinstance(layers_library(), Unavailable) or isinstance(estimator_library(), Unavailable),
    reason="compiled code does not run here",
)


def stop_in_third_step(running: Running, number: signal.Signals) -> None:
    """Signal a run in its third step; its exit code is right, and hardly a step follows."""
    for _ in range(3):
        running.wait_for("a step")
    running.process.send_signal(number)
    result = running.finish()
    assert result.code == 128 + number
    assert result.said[-1].startswith(f"podtts: stopped ({number.name})")
    assert result.said.count("a step") <= 3 + FOLLOWING, result.stderr


@needs_compiled_code
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_prefill(number: signal.Signals, own_cache: Path, tmp_path: Path) -> None:
    """Of some 4000 text tokens, read in fifteen pieces after those of the prompt."""
    script = tmp_path / "long.txt"
    script.write_text(f"[anna] {'ab' * 1900}\n")
    command = ("synth", script, "-o", tmp_path / "a.wav", "--model", MODEL)
    flags = ("--dtype", "bfloat16", "--cache-dir", own_cache, "--max-turn-tokens", "20")
    with started(PIECES, *command, *flags, script=PRINTING) as running:
        stop_in_third_step(running, number)


@needs_compiled_code
@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize(
    ("mode", "steps"), [("full", EVALUATIONS), ("streaming", EVALUATIONS_OF_CHUNKS)]
)
def test_an_evaluation_of_the_flow(
    mode: str, steps: str, threads: str, talk: Path, own_cache: Path, tmp_path: Path
) -> None:
    """In the main thread, and with two threads in one of its own."""
    command = ("synth", talk, "-o", tmp_path / "a.wav", "--model", MODEL, "--threads", threads)
    flags = ("--dtype", "bfloat16", "--cache-dir", own_cache, "--flow-steps", "100")
    with started(steps, *command, *flags, "--flow-mode", mode, script=PRINTING) as running:
        stop_in_third_step(running, signal.SIGTERM)


def test_recordings(speakers: Path, tmp_path: Path) -> None:
    for number in range(12):
        shutil.copy(speakers / "anna.txt", speakers / f"voice{number}.txt")
        raw = (speakers / "anna.wav").read_bytes()
        (speakers / f"voice{number}.wav").write_bytes(raw[: -2 * (number + 1)])
    command = ("prep", speakers, "--model", MODEL, "--cache-dir", tmp_path / "cache")
    with started(RECORDINGS, *command, "--threads", "1", script=PRINTING) as running:
        stop_in_third_step(running, signal.SIGINT)


@needs_compiled_code
def test_a_measurement() -> None:
    command = ("bench", "--model", MODEL, "--workload", "long", "--dtype", "bfloat16")
    with started(PIECES, *command, script=PRINTING) as running:
        stop_in_third_step(running, signal.SIGTERM)
