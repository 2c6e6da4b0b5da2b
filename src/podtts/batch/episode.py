"""One episode at work: its journal, the mix that grows turn by turn, and the files in the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from podtts.audio.metadata import AudioMetadata
from podtts.audio.wav import WavWriter
from podtts.batch.episode_paths import episode_file, file_digests
from podtts.batch.task import Outcome, State, Task
from podtts.engine.request import Request
from podtts.episode.fingerprint import run_fingerprint
from podtts.episode.journal import Journal, SpokenTurn, holds_run, journal_owner
from podtts.errors import PartialError, PodttsError, UsageError
from podtts.options import SynthesisOptions
from podtts.publish.episode_metadata import episode_metadata
from podtts.publish.mix import Mix, longest_mix, tempos
from podtts.publish.publish_options import FORMATS
from podtts.publish.publishing import publish
from podtts.publish.timeline import speaker_names
from podtts.rates import OUTPUT_HZ
from podtts.values import SpeechTokens, StageSeconds, TurnAudio

# A worker that was killed may hold a journal for as long as it takes to end.
_PATIENCE_SECONDS = 10.0


class Episode:
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
        """Open the journal: of the same content it is gone on with, any other is set aside.

        options: the task's, suited to the device.
        checkpoint: see podtts.episode.fingerprint.checkpoint_fingerprint.
        model:   its name.
        day:     today, for the tags of a run that begins.
        Raises UsageError when another run holds it, or it is damaged or cannot be written.
        """
        self.task = task
        self._options, self._model = options, model
        self._output = episode_file(folder, task.id, task.publishing.format)
        self._planned = task.script.turns[: options.limit_turns]
        self._open_journals, self._open_mix = ExitStack(), ExitStack()
        self._journal = self._open_journal(run_fingerprint(checkpoint, options, task.prompts), day)
        found = {
            index: self._journal.spoken(index, turn) for index, turn in enumerate(self._planned)
        }
        self._kept: dict[int, SpokenTurn] = {
            index: turn for index, turn in found.items() if turn is not None
        }
        self._mix: Mix | None = None
        self._next = 0  # number of the turn the mix waits for
        self._work, self._spoken_seconds = StageSeconds(), 0.0
        self._problems: list[tuple[int, str]] = []
        self._notes: list[str] = []
        self._started: float | None = None
        self.ended = False

    @property
    def unspoken(self) -> int:
        """How many turns were still to be spoken when it was opened."""
        return len(self._planned) - len(self._kept)

    def begin_request(self, finished: Mapping[int, SpeechTokens]) -> Request:
        """What is to be synthesized. Its time begins with the first call.

        finished: turns since it was opened.
        """
        self._started = self._started or time.perf_counter()
        kept = {index: turn.tokens for index, turn in self._kept.items()}
        finished = {**kept, **finished}
        return Request(self.task.id, self.task.script, self.task.prompts, self._options, finished)

    def add(self, audio: TurnAudio) -> None:
        """Keep a turn, and write it. Raises UsageError when the disk refuses it."""
        self._journal.keep(audio, self.task.script.labels[audio.turn.speaker])
        self._write_kept()
        assert audio.index == self._next
        self._growing().add(audio.turn, audio.wave)
        self._next += 1
        self._work += audio.work
        self._spoken_seconds += audio.seconds
        self._note(audio.index, audio.problems)
        at = f"turn {audio.index + 1} (line {audio.turn.line})"
        self._notes += [f"{at}: {note}" for note in audio.notes]

    def finish(self) -> Outcome:
        """Make the files of the mix. Raises UsageError when the disk refuses one."""
        self._started = self._started or time.perf_counter()
        self._write_kept()
        mix = self._growing()
        self._open_mix.close()
        self._publish(mix)
        try:
            files = file_digests(self._output, self.task.publishing)
        except OSError as error:
            raise UsageError(
                f"{self._output}: cannot be read again: {error.strerror}", "run it again"
            ) from error
        self._open_journals.close()
        self.ended = True
        return self._outcome("done", files=files)

    def stop(self, error: PodttsError | None = None) -> Outcome:
        """End before the end; what is written stays, in the journal, to be gone on with."""
        self.ended = True
        reason = error or PartialError("stopped")
        try:
            self._open_mix.__exit__(type(reason), reason, None)
        finally:
            self._open_journals.close()
        return self._outcome("failed" if error else "stopped", error)

    def _open_journal(self, fingerprint: Mapping[str, Any], day: str) -> Journal:
        owner = journal_owner(self._output, FORMATS)  # turns are the same in any format
        if holds_run(owner, fingerprint):
            journal = self._enter(owner, fingerprint, day, resume=True)
            # Later turns heard the words of this one: all of a changed script is spoken anew.
            if not any(journal.has_changed(*turn) for turn in enumerate(self._planned)):
                return journal
            self._open_journals.close()
        return self._enter(self._output, fingerprint, day, resume=False)

    def _enter(
        self, owner: Path, fingerprint: Mapping[str, Any], day: str, *, resume: bool
    ) -> Journal:
        journal = Journal(
            owner, fingerprint, resume=resume, day=day, patience_seconds=_PATIENCE_SECONDS
        )
        return self._open_journals.enter_context(journal)

    def _growing(self) -> Mix:
        if self._mix is None:
            paces = tempos(self.task.script)
            longest = longest_mix(self._planned, self._options.sampling.max_tokens, paces)
            partial = self._journal.partial
            writer = WavWriter(partial, partial, longest, tags=self._tags())
            sink = self._open_mix.enter_context(writer)
            self._mix = Mix(sink, self.task.publishing.layout, paces)
        return self._mix

    def _tags(self) -> AudioMetadata:
        task, day = self.task, self._journal.day
        return episode_metadata(task.publishing, task.id, self._model, self._options.seed, day)

    def _publish(self, mix: Mix) -> None:
        script, voices = self.task.script, [prompt.name for prompt in self.task.prompts]
        timeline = mix.timeline(script, speaker_names(script.labels, voices))
        try:
            # Without figures of work: seconds of scripts side by side say nothing of one of them.
            publish(
                self._journal.partial,
                timeline,
                self._output,
                self.task.publishing,
                self._tags(),
                self._notes.append,
            )
        except UsageError as error:
            raise UsageError(
                error.problem, "what is spoken is kept: make room, then run the same command again"
            ) from error.__cause__

    def _write_kept(self) -> None:
        while (turn := self._kept.get(self._next)) is not None:
            self._growing().add(self._planned[self._next], self._journal.wave(self._next))
            self._note(self._next, turn.problems)
            self._next += 1

    def _note(self, index: int, problems: tuple[str, ...]) -> None:
        for problem in problems:
            self._problems.append((index, problem))

    def _outcome(
        self,
        state: State,
        error: PodttsError | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Outcome:
        lines = {index: self._planned[index].line for index, _ in self._problems}
        now = time.perf_counter()
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
            audio_seconds=self._mix.samples / OUTPUT_HZ if self._mix else 0.0,
            spoken_seconds=self._spoken_seconds,
            wall_seconds=now - (self._started or now),
            work=self._work,
            files=files or {},
            notes=tuple(self._notes),
            fingerprint=self.task.fingerprint,
            voices=self.task.voices,
        )
