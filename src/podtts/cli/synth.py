"""`podtts synth`: a script to an episode, written turn by turn."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from podtts.cli.messages import say, warn
from podtts.cli.options import (
    CacheDirOption,
    DeviceOption,
    DtypeOption,
    FlowStepsOption,
    ModelOption,
    SeedOption,
    ThreadsOption,
)
from podtts.cli.places import cache_root, model_directory
from podtts.errors import UsageError
from podtts.options import FlowOptions, SamplingOptions, SynthesisOptions
from podtts.rates import OUTPUT_HZ

if TYPE_CHECKING:
    from podtts.audio.io import WavStream, WavWriter
    from podtts.device import Placement
    from podtts.script.model import Script
    from podtts.values import TurnAudio

_SAMPLING, _FLOW, _SYNTHESIS = SamplingOptions(), FlowOptions(), SynthesisOptions()


def synth(
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT", help="A dialogue script; - reads it from stdin.")
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="OUT", help="A .wav file; - writes to stdout."),
    ],
    speaker: Annotated[
        list[str] | None,
        typer.Option("--speaker", metavar="LABEL=VOICE", help="Who speaks a label (repeatable)."),
    ] = None,
    speakers: Annotated[
        Path | None,
        typer.Option(
            "--speakers", metavar="DIR", help="Recordings to take voices from, before prepared ones."
        ),
    ] = None,
    model: ModelOption = None,
    cache_dir: CacheDirOption = None,
    seed: SeedOption = _SYNTHESIS.seed,
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = None,
    flow_steps: FlowStepsOption = _FLOW.steps,
    temperature: Annotated[float, typer.Option(metavar="X")] = _SAMPLING.temperature,
    top_k: Annotated[int, typer.Option(metavar="N")] = _SAMPLING.top_k,
    top_p: Annotated[float, typer.Option(metavar="X")] = _SAMPLING.top_p,
    repetition_penalty: Annotated[
        float, typer.Option(metavar="X", help="On what this turn has already said.")
    ] = _SAMPLING.repetition_penalty,
    max_turn_tokens: Annotated[
        int, typer.Option(metavar="N", help="Longest turn; 25 tokens are a second.")
    ] = _SAMPLING.max_tokens,
    limit_turns: Annotated[
        int | None, typer.Option(metavar="N", help="Speak the first turns alone, to audition.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print [PERF] lines: seconds of every stage.")
    ] = False,
) -> None:
    """Speak a script: WAV, 24 kHz, 16 bit, mono."""
    from podtts.script.cast import parse_speaker_flags

    # Cheap things first: nothing is loaded before all that can be refused has been looked at.
    options = SynthesisOptions(
        seed=seed,
        sampling=SamplingOptions(
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            repetition_penalty=repetition_penalty,
            max_tokens=max_turn_tokens,
        ),
        flow=FlowOptions(steps=flow_steps),
        limit_turns=limit_turns,
    )
    dialogue = _read(script)
    for line in dialogue.warnings:
        warn(line)
    overrides = parse_speaker_flags(speaker or [])
    check_output(output)
    directory = model_directory(model)
    run = _Run(dialogue, output, options, verbose)
    run.gather(directory, overrides, cache_root(cache_dir), speakers)
    run.speak(directory, _place(device, dtype, threads))


class _Run:
    """One call of `synth` and what it tells about itself."""

    def __init__(
        self, script: Script, output: str, options: SynthesisOptions, verbose: bool
    ) -> None:
        self.script, self.output, self.options, self.verbose = script, output, options, verbose
        self.started = time.perf_counter()

    def gather(
        self, directory: Path, overrides: dict[str, str], root: Path, speakers: Path | None
    ) -> None:
        """Find the voices, preparing those that only --speakers or the script has."""
        from podtts.casting import gather_prompts
        from podtts.prompts.cache import PromptCache
        from podtts.prompts.voices import VoiceStore
        from podtts.weights.checkpoint import check_directory
        from podtts.weights.encoders import checkpoint_encoders

        check_directory(directory)
        encoders = checkpoint_encoders(directory)
        cache, voices = PromptCache(root, warn), VoiceStore(root)
        started = time.perf_counter()
        self.cast = gather_prompts(self.script, overrides, encoders, cache, voices, speakers)
        self._perf("prompts", "cpu", time.perf_counter() - started)

    def speak(self, directory: Path, placement: Placement) -> None:
        """Load the checkpoint, speak, and write every turn as soon as it is there."""
        from podtts.pipeline import Synthesizer
        from podtts.weights.load import load_models

        voices = ", ".join(
            f"{one.label}={one.prompt.name} ({'cached' if one.cached else 'prepared'})"
            for one in self.cast
        )
        say(f"model {directory}, {placement}, seed {self.options.seed}, voices {voices}")
        started = time.perf_counter()
        models = load_models(directory, placement)
        self._perf("load", placement.device.type, time.perf_counter() - started)
        if models.untrained:
            say("this checkpoint has random weights: what it speaks is noise")
        turns = Synthesizer(models).synthesize(
            self.script, [one.prompt for one in self.cast], self.options
        )
        from podtts.cli.progress import TurnBar

        planned = self.script.turns[: self.options.limit_turns]
        with ExitStack() as stack:
            sink = stack.enter_context(open_output(self.output))
            bar = stack.enter_context(TurnBar(len(planned)))
            for index, turn in enumerate(planned):
                bar.speaking(self.script.labels[turn.speaker], turn)
                spoken = next(turns)
                assert spoken.index == index
                sink.write(spoken.wave)
                bar.done()
                self._report(spoken, placement.device.type)
        self._summary(sink.samples, len(planned))

    def _report(self, spoken: TurnAudio, device: str) -> None:
        number = spoken.index + 1
        if not spoken.tokens.ended:
            warn(
                f"turn {number} (line {spoken.turn.line}) reached the limit of "
                f"{len(spoken.tokens.ids)} tokens; its end may be missing"
            )
        for stage in ("llm", "flow", "vocoder"):
            detail = f"turn={number} tokens={len(spoken.tokens.ids)} audio={spoken.seconds:.2f}"
            self._perf(stage, device, getattr(spoken.work, stage), detail)

    def _perf(self, stage: str, device: str, seconds: float, detail: str = "") -> None:
        if self.verbose:
            say(f"[PERF] stage={stage} device={device} seconds={seconds:.3f} {detail}")

    def _summary(self, samples: int, turns: int) -> None:
        audio, wall = samples / OUTPUT_HZ, time.perf_counter() - self.started
        where = "stdout" if self.output == "-" else self.output
        rtf = f"{wall / audio:.2f}" if audio else "-"
        say(
            f"{where}: {turns} turns, {audio:.1f} s of audio in {wall:.1f} s, RTF {rtf}"
        )


def _read(script: str) -> Script:
    from podtts.script.read import decode_script, read_script

    if script == "-":
        return decode_script(sys.stdin.buffer.read(), "<stdin>", Path())
    return read_script(Path(script))


def check_output(output: str) -> None:
    """Refuse what cannot be written before any work is done. Raises UsageError."""
    path = Path(output)
    if output == "-":
        if sys.stdout.isatty():
            raise UsageError("-o - would write audio to the terminal", "pipe it, or name a file")
    elif path.is_dir():
        raise UsageError(f"{output} is a folder", "name a .wav file in it")
    elif not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", f"run: mkdir -p {path.parent}")
    elif path.suffix.lower() != ".wav" and not _is_device(path):
        raise UsageError(
            f"{output} does not end in .wav", "write .wav, or pipe it: -o - | ffmpeg -i - OUT"
        )


def open_output(output: str) -> WavStream | WavWriter:
    """Open what -o names: stdout, a device or pipe, or a file that appears when it is whole."""
    from podtts.audio.io import WavStream, WavWriter

    if output == "-":
        return WavStream(sys.stdout.buffer)
    if _is_device(Path(output)):
        return WavStream(Path(output).open("wb"))
    return WavWriter(Path(output))


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _place(device: str, dtype: str, threads: int | None) -> Placement:
    import torch

    from podtts.device import place

    if threads is not None:
        torch.set_num_threads(threads)
    return place(device, dtype)
