"""One task at work in a worker: its journal, its writer, and the outcome."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from podtts.batch.task import Outcome, State, Task
from podtts.engine.request import Request
from podtts.episode.fingerprint import run_fingerprint
from podtts.episode.journal import Journal
from podtts.episode.journal_choice import Earlier, open_journal
from podtts.episode.journal_lines import FinishedTurn
from podtts.episode.writer import EpisodePlan, EpisodeWriter
from podtts.errors import DiskError, PartialError, PodttsError
from podtts.options import SynthesisOptions
from podtts.publish.episode_files import episode_file, file_digests
from podtts.publish.publish_options import FORMATS
from podtts.rates import OUTPUT_HZ
from podtts.values import SpeechTokens, TurnAudio

# A worker that was killed may hold a journal for as long as it takes to end.
_PATIENCE_SECONDS = 10.0


class BatchEpisode:
    """What one task writes. `add`, `finish` and `stop` may block: never call two at a time."""

    def __init__(
        self,
        task: Task,
        options: SynthesisOptions,
        folder: Path,
        checkpoint: Mapping[str, Any],
        model: str,
        day: str,
    ) -> None:
        """Open the journal: it is continued if it is of the same content, else it is set aside.

        options:    the task's, suited to the device.
        checkpoint: see podtts.episode.fingerprint.checkpoint_fingerprint.
        model:      the checkpoint's name.
        day:        today, for the tags of a run that begins.
        Raises UsageError when another run holds the journal, or it is damaged; DiskError when it
        cannot be written.
        """
        self.task = task
        self.ended = False
        self._options = options
        self._output = episode_file(folder, task.id, task.publishing.format)
        self._open_journal = ExitStack()
        journal = self._open_journal.enter_context(
            open_journal(
                self._output,
                FORMATS,  # turns are the same in any format
                run_fingerprint(checkpoint, options, task.prompts),
                task.script.turns[: options.limit_turns],
                Earlier.CONTINUE,
                day=day,
                patience_seconds=_PATIENCE_SECONDS,
            )
        )
        self._writer = self._new_writer(journal, model, checkpoint["device"])
        self._set_aside = str(journal.set_aside or "")
        self._notes: list[str] = []
        self._started: float | None = None

    @property
    def remaining(self) -> int:
        """How many turns were still to be synthesized when the episode was opened."""
        return self._writer.remaining

    @property
    def kept(self) -> Mapping[int, FinishedTurn]:
        """The turns (by 0-based index) that an earlier run finished."""
        return self._writer.finished

    def request(self, finished: Mapping[int, SpeechTokens]) -> Request:
        """What the engine has to do; the episode's time begins with the first call.

        finished: turns that this worker has synthesized.
        """
        self._started = self._started or time.perf_counter()
        earlier = {index: turn.tokens for index, turn in self._writer.finished.items()}
        task, draws = self.task, self._writer.draws
        return Request(
            task.id,
            task.script,
            task.prompts,
            self._options,
            {**earlier, **finished},
            draws=draws,
        )

    def add(self, audio: TurnAudio) -> None:
        """Write a turn. Raises DiskError when the disk refuses it."""
        self._writer.write_finished()
        self._writer.add(audio)
        name = f"turn {audio.index + 1} (line {audio.turn.line})"
        self._notes += [f"{name}: {note}" for note in audio.notes]

    def finish(self) -> Outcome:
        """Make the files from the mix. Raises DiskError when the disk refuses one."""
        self._started = self._started or time.perf_counter()
        self._writer.write_finished()
        # Without figures of work: the seconds of scripts that share a device say nothing about one
        # of them.
        self._writer.publish(self._output, self._notes.append)
        try:
            files = file_digests(self._output, self.task.publishing)
        except OSError as error:
            raise DiskError(
                f"{self._output}: cannot be read again: {error.strerror}",
                "check the disk, then run the same command again",
            ) from error
        self._open_journal.close()
        self.ended = True
        return self._outcome("done", files=files)

    def stop(self, error: PodttsError | None = None) -> Outcome:
        """End before the last turn; what is written stays in the journal, for a later run."""
        self.ended = True
        reason = error or PartialError("stopped")
        try:
            self._writer.__exit__(type(reason), reason, None)
        finally:
            self._open_journal.close()
        return self._outcome("failed" if error else "stopped", error)

    def _new_writer(self, journal: Journal, model: str, device: str) -> EpisodeWriter:
        task = self.task
        plan = EpisodePlan(
            script=task.script,
            prompts=task.prompts,
            options=self._options,
            publishing=task.publishing,
            name=task.id,
            model=model,
            day=journal.day,
            device=device,
        )
        return EpisodeWriter(plan, journal)

    def _outcome(
        self,
        state: State,
        error: PodttsError | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Outcome:
        result, now = self._writer.result(), time.perf_counter()
        turns = self.task.script.turns
        return Outcome(
            self.task.id,
            state,
            error.problem if error else "",
            error.hint if error else "",
            turns=result.turns,
            kept_turns=result.finished,
            failed_turns=tuple(index + 1 for index in result.failed_turns),
            problems=tuple(
                f"turn {index + 1} (line {turns[index].line}) failed a check: {problem}"
                for index, problem in result.problems
            ),
            audio_seconds=result.samples / OUTPUT_HZ,
            spoken_seconds=result.work.audio_seconds,
            wall_seconds=now - (self._started or now),
            work=result.work.stages,
            files=files or {},
            notes=tuple(self._notes),
            fingerprint=self.task.fingerprint,
            voices=self.task.voices,
            set_aside=self._set_aside,
        )
