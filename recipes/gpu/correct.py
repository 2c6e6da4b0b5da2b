"""Is CUDA right? The tests against the CPU, and the commands of a user with the bundled model."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from recipes.gpu.steps import Steps

_ROOT = Path(__file__).parents[2]
_THREADS = "4"  # of each of them
_NO_CACHE = ("-p", "no:cacheprovider")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/gpu"), help="folder of the results")
    parser.add_argument("--device", default="cuda", help="of the commands")
    parser.add_argument("--skip-tests", action="store_true", help="run the commands alone")
    arguments = parser.parse_args()
    out = arguments.out.absolute()  # commands run in the root of the repository
    steps, device = Steps(out), ["--device", arguments.device]
    script, cache = str(_ROOT / "examples" / "english.txt"), ["--cache-dir", str(out / "cache")]
    batch = out / "batch"
    batch.mkdir(exist_ok=True)
    for number in range(4):
        lines = (f"[S{1 + turn % 2}] This is line {turn} of {number}." for turn in range(3))
        (batch / f"script-{number}.txt").write_text("\n".join(lines) + "\n")
    voices = ["--speaker", "S1=anna", "--speaker", "S2=ben"]
    synth, short = ["podtts", "synth", script], ["--limit-turns", "3"]
    where = [*device, *cache]
    commands: dict[str, Sequence[str]] = {
        "doctor": ["podtts", "doctor"],
        "tests": ["pytest", "tests/test_accelerator.py", "-rs", "--durations=10", *_NO_CACHE],
        "synth": [*synth, "-o", str(out / "synth.wav"), *where],
        "synth-faithful": [
            *(*synth, "-o", str(out / "faithful.wav"), *short),
            *("--preset", "faithful", "--dtype", "float32", *where),
        ],
        "synth-streaming": [
            *(*synth, "-o", str(out / "streaming.wav"), *short, "--flow-mode", "streaming", *where),
        ],
        "batch": ["podtts", "batch", str(batch), "-o", str(out / "episodes"), *voices, *where],
    }
    if arguments.skip_tests:
        del commands["tests"]
    # All at once: starting Python and CUDA takes longer than most of the work.
    started = {name: _started(command) for name, command in commands.items()}
    for name, process in started.items():
        steps.run(name, partial(_finished, commands[name], process))
    return steps.exit_code()


def _started(arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start a module of this Python. The CPU's side of a comparison is torch's own code."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=_ROOT,
        env=os.environ | {"PODTTS_ISA": "none", "OMP_NUM_THREADS": _THREADS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _finished(arguments: Sequence[str], process: subprocess.Popen[str]) -> str:
    """Wait for a process; return what it printed. Raises RuntimeError if its exit code is not 0."""
    output, _ = process.communicate()
    printed = f"$ {' '.join(arguments)}\n{output}"
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}\n{printed}")
    return printed


if __name__ == "__main__":
    sys.exit(main())
