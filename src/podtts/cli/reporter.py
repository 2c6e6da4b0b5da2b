"""What a run of `synth` tells while it works: lines and a bar on stderr, and its event log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podtts.cli.messages import say, warn
from podtts.rates import OUTPUT_HZ
from podtts.values import RunWork

if TYPE_CHECKING:
    from podtts.cli.eventlog import EventLog
    from podtts.cli.progress import TurnBar
    from podtts.episode.journal import FinishedTurn
    from podtts.prompts.casting import CastPrompt
    from podtts.publish.progress import Advance, Watch
    from podtts.script.model import Script
    from podtts.values import Turn, TurnAudio


class Reporter:
    """Told of every step of a run, tells of it, and keeps what the end is told from.

    planned: the turns of the run, of which the script may have more.
    device:  the type of what it runs on.
    """

    def __init__(
        self,
        script: Script,
        planned: Sequence[Turn],
        device: str,
        log: EventLog,
        *,
        verbose: bool,
    ) -> None:
        self._script, self._planned, self._log, self._verbose = script, planned, log, verbose
        self._started = self._free_since = time.perf_counter()
        self._bar: TurnBar | None = None
        self._voices: Sequence[str] = ()
        self.work = RunWork(device)
        self.failed: list[int] = []  # turns (0-based) that came out wrong

    def gathered(self, cast: Sequence[CastPrompt], seconds: float) -> None:
        """The voices are there."""
        self._perf("prompts", "cpu", seconds)
        self._voices = [one.prompt.name for one in cast]
        voices = [
            {"label": one.label, "voice": one.prompt.name, "cached": one.cached} for one in cast
        ]
        self._log.write("voices", voices=voices, stage_seconds=_rounded(seconds))

    def loaded(self, seconds: float) -> None:
        """The weights are there."""
        self._free_since = time.perf_counter()
        self._perf("load", self.work.device, seconds)
        self._log.write("load", stage_seconds=_rounded(seconds))

    @contextmanager
    def turns(self, spoken: Sequence[int]) -> Iterator[None]:
        """Show a bar while turns come; spoken: those (0-based) that need not be spoken."""
        from podtts.cli.progress import TurnBar

        with TurnBar(self._planned, self._script.labels, frozenset(spoken)) as self._bar:
            yield

    def begun(self, index: int) -> None:
        """A turn is being worked on."""
        if self._bar is not None:
            self._bar.begin(index)

    def kept(self, index: int, turn: FinishedTurn) -> None:
        """A turn was taken from the journal."""
        self._ended(index, 0.0)
        tokens = len(turn.tokens.ids)
        self._turn(index, kept=True, tokens=tokens, problems=turn.problems)

    def spoken(self, audio: TurnAudio) -> None:
        """A turn was spoken."""
        self.work = self.work.with_turn(audio)
        number, tokens = audio.index + 1, len(audio.tokens.ids)
        for stage, seconds in asdict(audio.work).items():
            detail = f"turn={number} tokens={tokens} audio={audio.seconds:.2f}"
            self._perf(stage, self.work.device, seconds, detail)
        # Not the stages' seconds: what works at the same time counts once.
        now = time.perf_counter()
        self._ended(audio.index, now - self._free_since)
        self._free_since = now
        self._turn(
            audio.index,
            kept=False,
            tokens=tokens,
            audio_seconds=_rounded(audio.seconds),
            stage_seconds={name: _rounded(one) for name, one in asdict(audio.work).items()},
            variation=audio.attempt,  # a key of the log's format
            ended=audio.tokens.ended,
            problems=audio.problems,
        )
        for note in audio.notes:
            warn(f"turn {number} (line {audio.turn.line}): {note}")
        if not audio.tokens.ended and not audio.problems:
            warn(
                f"turn {number} (line {audio.turn.line}) reached the limit of {tokens} tokens; "
                "its end may be missing"
            )

    @contextmanager
    def publishing(self) -> Iterator[Watch]:
        """Show what the files of the episode are being made of, step by step."""
        from podtts.cli.progress import StepBar

        with StepBar() as bar:

            @contextmanager
            def watch(verb: str, what: str, samples: int) -> Iterator[Advance]:
                started = time.perf_counter()
                with bar.step(f"{verb} {what}", samples) as advance:
                    yield advance
                seconds = time.perf_counter() - started
                self._perf(verb, "cpu", seconds, what)
                self._log.write("step", step=verb, what=what, stage_seconds=_rounded(seconds))

            yield watch

    def published(self, files: Sequence[Path]) -> None:
        """The files stand where they belong; the episode's own is the last."""
        here = Path.cwd()
        beside = [
            str(path.relative_to(here) if path.is_relative_to(here) else path)
            for path in files[:-1]
        ]
        if beside:
            say(f"also written: {', '.join(beside)}")
        self._log.write("published", files=[str(path) for path in files])

    def summary(self, where: str, samples: int) -> None:
        """The run is through: one line with all of it. samples: length of the episode."""
        wall, audio, work = time.perf_counter() - self._started, samples / OUTPUT_HZ, self.work
        # Silence between turns takes no work: it would only flatter the figure.
        rtf = wall / work.audio_seconds if work.audio_seconds else None
        spoken = "" if work.turns == len(self._planned) else f"{work.turns} of them spoken now, "
        wrong = f", {len(self.failed)} came out wrong" if self.failed else ""
        say(
            f"{where}: {len(self._planned)} turns, {spoken}{audio:.1f} s of audio in {wall:.1f} s, "
            f"RTF {'-' if rtf is None else format(rtf, '.2f')}{wrong}"
        )
        self._log.write(
            "summary",
            output=where,
            turns=len(self._planned),
            spoken=work.turns,
            failed=[index + 1 for index in self.failed],
            audio_seconds=_rounded(audio),
            spoken_seconds=_rounded(work.audio_seconds),
            stage_seconds={name: _rounded(one) for name, one in asdict(work.stages).items()},
            wall_seconds=_rounded(wall),
            rtf=rtf and _rounded(rtf),
        )

    def _ended(self, index: int, seconds: float) -> None:
        if self._bar is not None:
            self._bar.end(index, seconds)

    def _turn(self, index: int, problems: tuple[str, ...], **values: Any) -> None:
        """Log a turn, and say what is wrong with it."""
        turn = self._planned[index]
        self._log.write(
            "turn",
            turn=index + 1,
            line=turn.line,
            label=self._script.labels[turn.speaker],
            voice=self._voices[turn.speaker],
            text=turn.text,
            **values,
            problems=problems,
        )
        for problem in problems:
            warn(f"turn {index + 1} (line {turn.line}) came out wrong: {problem}")
        if problems:
            self.failed.append(index)

    def _perf(self, stage: str, device: str, seconds: float, detail: str = "") -> None:
        if self._verbose:
            say(f"[PERF] stage={stage} device={device} seconds={seconds:.3f} {detail}")


def _rounded(seconds: float) -> float:
    return round(seconds, 3)
