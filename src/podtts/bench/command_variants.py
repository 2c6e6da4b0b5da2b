"""Three ways for a user to synthesize many scripts with a checkpoint: batch, synth, and a loop."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from podtts.audio.mix_reader import MixReader
from podtts.audio.wav import WavWriter
from podtts.bench.short_scripts import script_text
from podtts.bench.speakers import PITCHES_HZ, TRANSCRIPTS, synthetic_recording
from podtts.bench.variants import Variant
from podtts.device.placement import Placement
from podtts.errors import PodttsError
from podtts.hub.bundled import bundled_model
from podtts.options import SynthesisOptions
from podtts.pipeline import Synthesizer
from podtts.prompts.casting import VoiceCasting
from podtts.publish.mix import Mix
from podtts.publish.publish_options import LayoutOptions
from podtts.rates import OUTPUT_HZ
from podtts.script.read import read_script
from podtts.script.spoken import spoken_script
from podtts.weights.derived import open_checkpoint
from podtts.weights.voices import checkpoint_voices


class CommandVariants:
    """Scripts, voices and a cache in a folder, and the variants that synthesize these scripts.

    folder: an empty folder. rows: scripts at a time; None: as many as memory allows.
    flags: for the commands; the same options and placement as those of the loop.
    Raises PodttsError when a command fails.
    """

    def __init__(
        self,
        checkpoint: Path,
        folder: Path,
        *,
        scripts: int,
        rows: int | None,
        options: SynthesisOptions,
        placement: Placement,
        flags: Sequence[str],
        warn: Callable[[str], None],
    ) -> None:
        self._checkpoint, self._folder, self._warn = checkpoint, folder, warn
        self._rows, self._options, self._placement = rows, options, placement
        self._numbers = range(scripts)
        self._cache, self._scripts = folder / "cache", folder / "scripts"
        self._model_flags = ["--model", str(checkpoint), "--cache-dir", str(self._cache)]
        self._flags = [*self._model_flags, *flags]
        if checkpoint == bundled_model():
            self._labels = ("anna", "ben")
        else:
            self._labels = ("one", "two")
            self._prepare_voices()
        self._scripts.mkdir()
        for number in self._numbers:
            self._script(number).write_text(script_text(number, self._labels))

    def warm_up(self) -> None:
        """Fill the cache with everything that is computed only once for these voices."""
        self._podtts("synth", self._script(0), "-o", self._folder / "warm-up.wav", *self._flags)

    def variants(self) -> list[Variant]:
        return [
            Variant("one podtts batch", self._batch),
            Variant("podtts synth, a call a script", self._calls),
            Variant("a loop, loaded once", self._loop),
        ]

    def same_files(self) -> int:
        """Return how many files of the batch equal those of the single calls to the byte."""
        return sum(
            self._episode("batch", number).read_bytes()
            == self._episode("calls", number).read_bytes()
            for number in self._numbers
        )

    def _batch(self) -> float:
        rows = [] if self._rows is None else ["--batch", str(self._rows)]
        output = self._empty_folder("batch")
        self._podtts("batch", self._scripts, "-o", output, *rows, *self._flags)
        return self._audio_seconds("batch")

    def _calls(self) -> float:
        self._empty_folder("calls")
        for number in self._numbers:
            output = self._episode("calls", number)
            self._podtts("synth", self._script(number), "-o", output, *self._flags)
        return self._audio_seconds("calls")

    def _loop(self) -> float:
        """Do what a program does that uses podtts as a library."""
        self._empty_folder("loop")
        checkpoint, placement = self._checkpoint, self._placement
        opened = open_checkpoint(checkpoint, placement, self._cache, self._warn)
        synthesizer = Synthesizer(opened.models, opened.prefixes)
        voices = VoiceCasting(checkpoint_voices(checkpoint, self._cache, None, self._warn))
        for number in self._numbers:
            script = spoken_script(read_script(self._script(number)))
            prompts = [member.prompt for member in voices.gather(script, {})]
            with WavWriter(self._episode("loop", number)) as file:
                mix = Mix(file, LayoutOptions())
                for turn in synthesizer.synthesize(script, prompts, self._options):
                    mix.add(turn.turn, turn.wave)
        return self._audio_seconds("loop")

    def _prepare_voices(self) -> None:
        """Prepare synthetic voices for a checkpoint that comes without voices."""
        recordings = self._folder / "recordings"
        recordings.mkdir()
        for label, pitch, text in zip(self._labels, PITCHES_HZ, TRANSCRIPTS, strict=True):
            (recordings / f"{label}.wav").write_bytes(synthetic_recording(pitch))
            (recordings / f"{label}.txt").write_text(text)
        self._podtts("prep", recordings, *self._model_flags)

    def _script(self, number: int) -> Path:
        return self._scripts / f"{number}.txt"

    def _episode(self, variant: str, number: int) -> Path:
        return self._folder / variant / f"{number}.wav"

    def _empty_folder(self, variant: str) -> Path:
        folder = self._folder / variant
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _audio_seconds(self, variant: str) -> float:
        samples = 0
        for number in self._numbers:
            with MixReader(self._episode(variant, number)) as file:
                samples += file.samples
        return samples / OUTPUT_HZ

    def _podtts(self, *arguments: str | Path) -> None:
        """Run a command. Exit code 1 is accepted: a turn failed a check, but the file exists."""
        command = [sys.executable, "-m", "podtts", *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode > 1:
            stderr = done.stderr.decode(errors="replace").strip().splitlines()
            last = stderr[-1] if stderr else "it printed no error"
            problem = f"podtts {arguments[0]} ended with exit code {done.returncode}: {last}"
            raise PodttsError(problem, "run the command by itself to see more")
