"""A checkpoint's scripts for `podtts bench --scripts`, and what a user may do with them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.cli.bench_parts import tell
from podtts.cli.messages import warn
from podtts.errors import PodttsError
from podtts.options import SynthesisOptions

if TYPE_CHECKING:
    from podtts.bench.scripts import Measured
    from podtts.device.placement import Placement
    from podtts.script.model import Script

BATCH, CALLS, LOOP = "one podtts batch", "podtts synth, a call a script", "a loop, loaded once"


@dataclass(frozen=True)
class ScriptsRequest:
    """What the command line asks for."""

    count: int
    rows: int | None  # scripts side by side; None: as memory allows
    rounds: int
    options: SynthesisOptions
    placement: Placement
    flags: Sequence[str]  # of a command that has these options and this placement
    preset: str  # what the report calls the options


class CheckpointDesk:
    """Scripts, voices and a cache in a folder of their own, and the three ways to speak them.

    Raises PodttsError when a command fails.
    """

    def __init__(self, directory: Path, request: ScriptsRequest, folder: Path) -> None:
        from podtts.hub.bundled import bundled_model

        self._directory, self._request, self._folder = directory, request, folder
        self._cache, self._scripts = folder / "cache", folder / "scripts"
        self.same = 0  # files of the batch that are those of the single calls, to the byte
        if directory == bundled_model():
            self._speakers = ("anna", "ben")
        else:
            self._speakers = ("one", "two")
            self._prepare()
        self._write_scripts()

    def measure(self) -> list[Measured]:
        """Speak all scripts in every way, as often as is asked; then `same` is known, too."""
        from podtts.bench.scripts import Way, measure_ways
        from podtts.device.placement import Stopwatch

        placement = self._request.placement
        tell("warm-up")
        warm_up = self._scripts / "0.txt"
        self._run("synth", warm_up, "-o", self._folder / "warm-up.wav", *self._flags)
        ways = [Way(BATCH, self._batch), Way(CALLS, self._calls), Way(LOOP, self._loop)]
        found = measure_ways(ways, self._request.rounds, partial(Stopwatch, placement.device), tell)
        self.same = sum(
            self._output("batch", number).read_bytes() == self._output("calls", number).read_bytes()
            for number in range(self._request.count)
        )
        return found

    def _batch(self) -> float:
        rows = [] if self._request.rows is None else ["--batch", str(self._request.rows)]
        output = self._emptied("batch")
        self._run("batch", self._scripts, "-o", output, *rows, *self._flags)
        return self._audio_seconds("batch")

    def _calls(self) -> float:
        self._emptied("calls")
        for number in range(self._request.count):
            output = self._output("calls", number)
            self._run("synth", self._scripts / f"{number}.txt", "-o", output, *self._flags)
        return self._audio_seconds("calls")

    def _loop(self) -> float:
        """What a program does that has podtts as a library."""
        from podtts.audio.wav import WavWriter
        from podtts.cli.batch_source import find_voices
        from podtts.pipeline import Synthesizer
        from podtts.publish.mix import Mix
        from podtts.publish.publish_options import LayoutOptions
        from podtts.weights.derived import open_checkpoint

        self._emptied("loop")
        directory, placement = self._directory, self._request.placement
        opened = open_checkpoint(directory, placement, self._cache, warn)
        speaking = Synthesizer(opened.models, opened.prefixes)
        voices = find_voices(directory, self._cache, None)
        for number in range(self._request.count):
            script = self._script(number)
            prompts = [one.prompt for one in voices.gather(script, {})]
            with WavWriter(self._output("loop", number)) as file:
                mix = Mix(file, LayoutOptions())
                for turn in speaking.synthesize(script, prompts, self._request.options):
                    mix.add(turn.turn, turn.wave)
        return self._audio_seconds("loop")

    @property
    def _flags(self) -> list[str | Path]:
        own: list[str | Path] = ["--model", self._directory, "--cache-dir", self._cache]
        return [*own, *self._request.flags]

    def _output(self, way: str, number: int) -> Path:
        return self._folder / way / f"{number}.wav"

    def _emptied(self, way: str) -> Path:
        folder = self._folder / way
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _audio_seconds(self, way: str) -> float:
        from podtts.audio.master import Master
        from podtts.rates import OUTPUT_HZ

        samples = 0
        for number in range(self._request.count):
            with Master(self._output(way, number)) as file:
                samples += file.samples
        return samples / OUTPUT_HZ

    def _script(self, number: int) -> Script:
        from podtts.cli.scripts import read_spoken

        return read_spoken(str(self._scripts / f"{number}.txt"), None, normalize=True)

    def _write_scripts(self) -> None:
        from podtts.bench.scripts import script_text

        self._scripts.mkdir()
        for number in range(self._request.count):
            text = script_text(number, self._speakers)
            (self._scripts / f"{number}.txt").write_text(text)

    def _prepare(self) -> None:
        """Voices for a checkpoint that comes with none, made up on the spot."""
        from podtts.bench.cast import PITCHES_HZ, TRANSCRIPTS, synthetic_recording

        recordings = self._folder / "recordings"
        recordings.mkdir()
        for name, pitch, said in zip(self._speakers, PITCHES_HZ, TRANSCRIPTS, strict=True):
            (recordings / f"{name}.wav").write_bytes(synthetic_recording(pitch))
            (recordings / f"{name}.txt").write_text(said)
        self._run("prep", recordings, "--model", self._directory, "--cache-dir", self._cache)

    def _run(self, *arguments: str | Path) -> None:
        """Run podtts. A turn that comes out wrong (exit code 1) is spoken all the same."""
        command = [sys.executable, "-m", "podtts", *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode > 1:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
            problem = f"podtts {arguments[0]} ended with {done.returncode}: {said[-1]}"
            raise PodttsError(problem, "run it by itself to see more")
