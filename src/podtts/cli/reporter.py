"""Reports what a run of `synth` does: messages and a bar on stderr, and events in its log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podtts.cli.messages import say, warn
from podtts.rates import OUTPUT_HZ
from podtts.text.counting import counted
from podtts.values import RunWork

if TYPE_CHECKING:
    from podtts.cli.eventlog import EventLog
    from podtts.cli.progress import TurnBar
    from podtts.episode.journal_lines import FinishedTurn
    from podtts.prompts.casting import CastPrompt
    from podtts.publish.progress import Advance, Watch
    from podtts.script.model import Script
    from podtts.values import Heard, Turn, TurnAudio


class Reporter:
    """Reports the progress of one run and collects the figures of its summary.

    planned: the turns of this run; the script may have more.
    device:  the type of the device that computes.
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
        self._started = self._idle_since = time.perf_counter()
        self._bar: TurnBar | None = None
        self._voices: Sequence[str] = ()
        self.work = RunWork(device)
        self.failed: list[int] = []  # turns (0-based) that failed a check

    def voices_ready(self, cast: Sequence[CastPrompt], seconds: float) -> None:
        """All voices were found or prepared, in so many seconds."""
        self._perf("prompts", "cpu", seconds)
        self._voices = [member.prompt.name for member in cast]
        voices = [
            {"label": member.label, "voice": member.prompt.name, "cached": member.cached}
            for member in cast
        ]
        self._log.write("voices", voices=voices, stage_seconds=_rounded(seconds))

    def models_loaded(self, seconds: float) -> None:
        """The models were loaded, in so many seconds."""
        self._idle_since = time.perf_counter()
        self._perf("load", self.work.device, seconds)
        self._log.write("load", stage_seconds=_rounded(seconds))

    @contextmanager
    def turn_progress(self, restored: Sequence[int]) -> Iterator[None]:
        """Show a bar over the turns while the block runs. restored: turns in the journal."""
        from podtts.cli.progress import TurnBar

        with TurnBar(self._planned, self._script.labels, frozenset(restored)) as self._bar:
            yield

    def turn_started(self, index: int) -> None:
        """A turn (0-based) is the next one of the episode."""
        if self._bar is not None:
            self._bar.start_turn(index)

    def turn_restored(self, index: int, turn: FinishedTurn) -> None:
        """A turn (0-based) was taken from the journal."""
        self.turn_started(index)
        self._finish_turn(index, 0.0)
        tokens, heard = len(turn.tokens.ids), _as_json(turn.heard)
        self._report_turn(index, kept=True, tokens=tokens, problems=turn.problems, **heard)

    def turn_finished(self, audio: TurnAudio) -> None:
        """A turn was synthesized."""
        self.work = self.work.with_turn(audio)
        number, tokens = audio.index + 1, len(audio.tokens.ids)
        stage_seconds = audio.work.by_stage()
        for stage, seconds in stage_seconds.items():
            detail = f"turn={number} tokens={tokens} audio={audio.seconds:.2f}"
            self._perf(stage, self.work.device, seconds, detail)
        # Time on the clock and not the sum of the stages, which may work at the same time.
        now = time.perf_counter()
        self._finish_turn(audio.index, now - self._idle_since)
        self._idle_since = now
        self._report_turn(
            audio.index,
            kept=False,
            tokens=tokens,
            audio_seconds=_rounded(audio.seconds),
            stage_seconds={stage: _rounded(seconds) for stage, seconds in stage_seconds.items()},
            variation=audio.attempt,  # a key of the log's format
            ended=audio.tokens.ended,
            problems=audio.problems,
            **_as_json(audio.heard),
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
        """Show a bar for every step of writing the episode's files while the block runs."""
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

    def files_published(self, files: Sequence[Path]) -> None:
        """All files of the episode were written; the last one is the episode itself."""
        if others := files[:-1]:
            say(f"also written: {', '.join(map(_from_here, others))}")
        self._log.write("published", files=[str(path) for path in files])

    def summary(self, output: str, samples: int) -> None:
        """The run is complete: print its figures in one line. samples: length of the episode."""
        wall, audio, work = time.perf_counter() - self._started, samples / OUTPUT_HZ, self.work
        # Of the audio without the pauses: silence takes no work and would flatter the figure.
        rtf = wall / work.audio_seconds if work.audio_seconds else None
        turns = counted(len(self._planned), "turn")
        if work.turns < len(self._planned):
            turns += f" ({work.turns} synthesized now)"
        failed = f", {counted(len(self.failed), 'turn')} failed a check" if self.failed else ""
        hearing = ""
        if work.stages.hearing:
            hearing = f" (hearing {work.stages.hearing / work.audio_seconds:.2f})"
        say(
            f"{output}: {turns}, {audio:.1f} s of audio in {wall:.1f} s, "
            f"RTF {'-' if rtf is None else format(rtf, '.2f')}{hearing}{failed}"
        )
        stage_seconds = work.stages.by_stage()
        self._log.write(
            "summary",
            output=output,
            turns=len(self._planned),
            spoken=work.turns,
            failed=[index + 1 for index in self.failed],
            audio_seconds=_rounded(audio),
            spoken_seconds=_rounded(work.audio_seconds),
            stage_seconds={stage: _rounded(seconds) for stage, seconds in stage_seconds.items()},
            wall_seconds=_rounded(wall),
            rtf=rtf and _rounded(rtf),
        )

    def _finish_turn(self, index: int, work_seconds: float) -> None:
        if self._bar is not None:
            self._bar.finish_turn(index, work_seconds)

    def _report_turn(self, index: int, problems: tuple[str, ...], **values: Any) -> None:
        """Log a turn (0-based) and warn of its problems."""
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
            warn(f"turn {index + 1} (line {turn.line}) failed a check: {problem}")
        if problems:
            self.failed.append(index)

    def _perf(self, stage: str, device: str, seconds: float, detail: str = "") -> None:
        if self._verbose:
            say(f"[PERF] stage={stage} device={device} seconds={seconds:.3f} {detail}")


def _from_here(path: Path) -> str:
    """Return the name of a file as seen from the working folder, if it is in there."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere; or the working folder was removed
        return str(path)


def _as_json(heard: Heard | None) -> dict[str, dict[str, Any]]:
    """The member `heard` of a turn's event, if somebody listened."""
    return {} if heard is None else {"heard": {"text": heard.text, "error": round(heard.error, 4)}}


def _rounded(seconds: float) -> float:
    return round(seconds, 3)
