"""One episode at work: its journal, and the file that grows turn by turn."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from podtts.audio.wav import WavWriter
from podtts.batch.task import Outcome, State, Task
from podtts.errors import PartialError, PodttsError
from podtts.identity import run_identity
from podtts.journal import Journal, SpokenTurn, holds_run
from podtts.options import SynthesisOptions
from podtts.publish.mix import Mix, longest_mix, tempos
from podtts.publish.options import PublishOptions
from podtts.publish.tagging import episode_tags
from podtts.rates import OUTPUT_HZ
from podtts.speaking import Job
from podtts.values import StageSeconds, TurnAudio

# A worker that was killed may hold a journal for as long as it takes to end.
_PATIENCE_SECONDS = 10.0


def episode_file(folder: Path, name: str) -> Path:
    """The file of an episode."""
    return folder / f"{name}.wav"


class Episode:
    """What one task writes. `add`, `finish` and `stop` may block: call them from one thread."""

    def __init__(
        self,
        task: Task,
        options: SynthesisOptions,
        output: Path,
        where: Mapping[str, Any],
        model: str,
        day: str,
    ) -> None:
        """Open the journal: of the same content it is gone on with, any other is set aside.

        options: the task's, suited to the device. where: see podtts.identity. model: its name.
        day:     today, for the tags of a run that begins.
        Raises UsageError when another run holds it, or it is damaged or cannot be written.
        """
        self.task = task
        self._options = options
        self._output, self._model = output, model
        self._planned = task.script.turns[: options.limit_turns]
        self._open_files = ExitStack()
        self._journal = self._open_journal(run_identity(where, options, task.prompts), day)
        found = {
            index: self._journal.spoken(index, turn) for index, turn in enumerate(self._planned)
        }
        self._kept: dict[int, SpokenTurn] = {
            index: turn for index, turn in found.items() if turn is not None
        }
        self._sink: Mix | None = None
        self._next = 0  # number of the turn the file waits for
        self._work = StageSeconds()
        self._problems: list[tuple[int, str]] = []
        self._started = time.perf_counter()
        self.ended = False

    @property
    def unspoken(self) -> int:
        """How many turns are still to be spoken."""
        return len(self._planned) - len(self._kept)

    def job(self) -> Job:
        """What is to be spoken, begun now."""
        self._started = time.perf_counter()
        spoken = {index: turn.tokens for index, turn in self._kept.items()}
        return Job(self.task.id, self.task.script, self.task.prompts, self._options, spoken)

    def add(self, audio: TurnAudio) -> None:
        """Keep a turn, and write it. Raises UsageError when the disk refuses it."""
        self._journal.keep(audio, self.task.script.labels[audio.turn.speaker])
        self._write_kept()
        assert audio.index == self._next
        self._file().add(audio.turn, audio.wave)
        self._next += 1
        self._work += audio.work
        self._note(audio.index, audio.problems)

    def finish(self) -> Outcome:
        """Give the file its name. Raises UsageError when the disk refuses it."""
        self._write_kept()
        sink = self._file()
        self._open_files.close()
        self.ended = True
        return self._outcome("done", sink.samples)

    def stop(self, error: PodttsError | None = None) -> Outcome:
        """End before the end; what is written stays, in the journal, to be gone on with."""
        self.ended = True
        reason = error or PartialError("stopped")
        self._open_files.__exit__(type(reason), reason, None)
        samples = self._sink.samples if self._sink else 0
        return self._outcome("failed" if error else "stopped", samples, error)

    def _open_journal(self, identity: Mapping[str, Any], day: str) -> Journal:
        resume = holds_run(self._output, identity)
        journal = self._enter(identity, day, resume=resume)
        # Later turns heard the words of this one: all of a script that was changed is spoken anew.
        if resume and any(journal.has_changed(*turn) for turn in enumerate(self._planned)):
            self._open_files.close()
            journal = self._enter(identity, day, resume=False)
        return journal

    def _enter(self, identity: Mapping[str, Any], day: str, *, resume: bool) -> Journal:
        journal = Journal(
            self._output,
            identity,
            resume=resume,
            day=day,
            patience_seconds=_PATIENCE_SECONDS,
        )
        return self._open_files.enter_context(journal)

    def _file(self) -> Mix:
        if self._sink is None:
            paces = tempos(self.task.script)
            longest = longest_mix(self._planned, self._options.sampling.max_tokens, paces)
            tags = episode_tags(
                PublishOptions(self.task.layout),
                self.task.id,
                self._model,
                self._options.seed,
                self._journal.day,
            )
            writer = WavWriter(self._output, self._journal.partial, longest, tags=tags)
            self._sink = Mix(self._open_files.enter_context(writer), self.task.layout, paces)
        return self._sink

    def _write_kept(self) -> None:
        while (turn := self._kept.get(self._next)) is not None:
            self._file().add(self._planned[self._next], self._journal.wave(self._next))
            self._note(self._next, turn.problems)
            self._next += 1

    def _note(self, index: int, problems: tuple[str, ...]) -> None:
        for problem in problems:
            self._problems.append((index, problem))

    def _outcome(self, state: State, samples: int, error: PodttsError | None = None) -> Outcome:
        lines = {index: self._planned[index].line for index, _ in self._problems}
        return Outcome(
            self.task.id,
            state,
            error.problem if error else "",
            error.hint if error else "",
            turns=len(self._planned),
            kept_turns=len(self._kept),
            failed_turns=tuple(index + 1 for index in lines),
            problems=tuple(
                f"turn {index + 1} (line {lines[index]}) came out wrong: {problem}"
                for index, problem in self._problems
            ),
            audio_seconds=samples / OUTPUT_HZ,
            wall_seconds=time.perf_counter() - self._started,
            work=self._work,
            sha256=file_sha256(self._output) if state == "done" else "",
            fingerprint=self.task.fingerprint,
            voices=self.task.voices,
        )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
