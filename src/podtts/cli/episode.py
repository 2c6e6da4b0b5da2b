"""One run of `synth`: voices gathered, turns spoken and kept in the journal, the file written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podtts.cli.messages import say, warn_once
from podtts.cli.output import is_stream, open_mix
from podtts.cli.publish_flags import today
from podtts.errors import PartialError, UsageError
from podtts.publish.publish_options import FORMATS

if TYPE_CHECKING:
    from podtts.audio.metadata import AudioMetadata
    from podtts.cli.earlier_run import EarlierRun
    from podtts.cli.reporter import Reporter
    from podtts.device.placement import Placement
    from podtts.episode.journal import Journal, SpokenTurn
    from podtts.options import SynthesisOptions
    from podtts.publish.mix import Mix
    from podtts.publish.publish_options import PublishOptions
    from podtts.script.model import Script
    from podtts.values import TurnAudio


_NAMELESS = ("-", "<stdin>")


class Episode:
    """One call of `synth`; tell: told of every step."""

    def __init__(
        self,
        script: Script,
        output: str,
        options: SynthesisOptions,
        publishing: PublishOptions,
        takes: EarlierRun,
        tell: Reporter,
        *,
        keeps_prefix: bool,
    ) -> None:
        self.keeps_prefix = keeps_prefix
        self.script, self.output, self.options, self.takes = script, output, options, takes
        self.publishing, self.tell = publishing, tell
        self.planned = script.turns[: options.limit_turns]
        self.done = False
        if (takes.resume or takes.retake) and is_stream(output):
            raise UsageError(f"-o {output} keeps no journal to resume", "write to a file")

    def gather(
        self, directory: Path, overrides: dict[str, str], root: Path, speakers: Path | None
    ) -> None:
        """Find the voices, preparing those that only --speakers or the script has."""
        from podtts.engine.compatibility import TagCheck
        from podtts.prompts.casting import VoiceCasting
        from podtts.weights.voices import checkpoint_voices

        for error in TagCheck(directory).problems(self.script):
            raise error
        started = time.perf_counter()
        self.root = root
        voices = VoiceCasting(checkpoint_voices(directory, root, speakers, warn_once))
        self.cast = voices.gather(self.script, overrides)
        self.tell.voices_ready(self.cast, time.perf_counter() - started)

    def speak(self, directory: Path, placement: Placement) -> None:
        """Speak what is not spoken yet, and write every turn as soon as it is there.

        Raises PartialError when turns came out wrong: the file is written all the same.
        """
        from podtts.hub.bundled import bundled_model
        from podtts.publish.mix import tempos

        voices = ", ".join(
            f"{one.label}={one.prompt.name} ({'cached' if one.cached else 'prepared'})"
            for one in self.cast
        )
        with ExitStack() as stack:
            journal = self._open_journal(stack, directory, placement)
            if directory == bundled_model():
                say(
                    "this is mini, a small demonstration voice in English; for the full model: "
                    "podtts model pull soulx-podcast-1.7b, then --model soulx-podcast-1.7b"
                )
            for speaker, tempo in tempos(self.script).items():
                say(
                    f"{self.script.labels[speaker]} speaks at {tempo:g} times the pace: "
                    "stretched after synthesis, the pitch stays"
                )
            say(f"model {directory}, {placement}, seed {self.options.seed}, voices {voices}")
            from podtts.publish.episode_metadata import episode_metadata

            known = [name for name in (self.script.source, self.output) if name not in _NAMELESS]
            tags = episode_metadata(
                self.publishing,
                known[0] if known else "",
                directory.resolve().name,
                self.options.seed,
                journal.day if journal else today(),
            )
            mix = self._mix(directory, placement, journal, tags)
            if journal is not None:
                self._publish(journal, mix, tags)
            self.done = True
        self.tell.summary("stdout" if self.output == "-" else self.output, mix.samples)
        if journal is not None and not self.takes.keep:
            journal.remove()
        if failed := self.tell.failed:
            numbers = ",".join(str(index + 1) for index in failed)
            raise PartialError(
                f"{len(failed)} of {len(self.planned)} turns failed a check: {numbers}",
                f"listen to them, or synthesize them again with --retake {numbers}",
            )

    def _mix(
        self, directory: Path, placement: Placement, journal: Journal | None, tags: AudioMetadata
    ) -> Mix:
        """Lay every turn into the mix as soon as it is there, from the journal or spoken now."""
        from podtts.publish.mix import Mix, longest_mix, tempos

        spoken = self._spoken(journal)
        stream = self._stream(directory, placement, journal, spoken)
        longest = longest_mix(self.planned, self.options.sampling.max_tokens, tempos(self.script))
        partial = journal.partial if journal else None
        with (
            open_mix(self.output, partial, self.publishing, tags, longest) as sink,
            self.tell.turn_progress([*spoken]),
        ):
            mix = Mix(sink, self.publishing.layout, tempos(self.script))
            for index, turn in enumerate(self.planned):
                self.tell.turn_started(index)
                if index in spoken:
                    assert journal is not None
                    mix.add(turn, journal.wave(index))
                    self.tell.turn_restored(index, spoken[index])
                else:
                    audio = next(stream)
                    assert audio.index == index
                    if journal is not None:
                        journal.keep(audio, self.script.labels[turn.speaker])
                    mix.add(turn, audio.wave)
                    self.tell.turn_finished(audio)
        return mix

    def _open_journal(
        self, stack: ExitStack, directory: Path, placement: Placement
    ) -> Journal | None:
        if is_stream(self.output):
            return None
        from podtts.episode.journal import Journal, journal_owner

        resume = self.takes.resume or bool(self.takes.retake)
        owner = journal_owner(Path(self.output), FORMATS if resume else ())
        fingerprint = self._fingerprint(directory, placement)
        journal = stack.enter_context(Journal(owner, fingerprint, resume=resume, day=today()))
        stack.callback(self._say_what_is_kept, journal)
        return journal

    def _fingerprint(self, directory: Path, placement: Placement) -> dict[str, Any]:
        """What decides the run's bits besides the texts of its turns."""
        from podtts.episode.fingerprint import checkpoint_fingerprint, run_fingerprint

        checkpoint = checkpoint_fingerprint(directory, placement, self.root)
        return run_fingerprint(checkpoint, self.options, [one.prompt for one in self.cast])

    def _spoken(self, journal: Journal | None) -> dict[int, SpokenTurn]:
        """Turns that need not be spoken; says what a changed text means for the others."""
        if journal is None:
            return {}
        turns = dict(enumerate(self.planned))
        wanted = {index: turn for index, turn in turns.items() if index not in self.takes.retake}
        found = {index: journal.spoken(index, turn) for index, turn in wanted.items()}
        spoken = {index: kept for index, kept in found.items() if kept is not None}
        for index, turn in turns.items():
            later = [other + 1 for other in spoken if other > index]
            if later and journal.has_changed(index, turn):
                say(
                    f"turn {index + 1} has another text and is spoken again; turns {later[0]} to "
                    f"{later[-1]} heard the old one: --retake them to let them hear the new"
                )
        if spoken:
            say(f"{len(spoken)} of {len(turns)} turns are taken from {journal.folder}")
        return spoken

    def _stream(
        self,
        directory: Path,
        placement: Placement,
        journal: Journal | None,
        spoken: dict[int, SpokenTurn],
    ) -> Iterator[TurnAudio]:
        """The turns that are to be spoken; weights are loaded only if there are any."""
        if len(spoken) == len(self.planned):
            return
        from podtts.pipeline import Synthesizer
        from podtts.weights.derived import open_checkpoint

        started = time.perf_counter()
        opened = open_checkpoint(
            directory, placement, self.root, warn_once, keeps_prefixes=self.keeps_prefix
        )
        self.tell.models_loaded(time.perf_counter() - started)
        if opened.models.untrained:
            say("this checkpoint has random weights: what it speaks is noise")
        attempts = {} if journal is None else journal.next_attempts(self.takes.retake)
        yield from Synthesizer(opened.models, opened.prefixes).synthesize(
            self.script,
            [one.prompt for one in self.cast],
            self.options,
            finished={index: one.tokens for index, one in spoken.items()},
            attempts=attempts,
        )

    def _publish(self, journal: Journal, mix: Mix, tags: AudioMetadata) -> None:
        """Write the files that were asked for from the finished mix."""
        from podtts.publish.publishing import publish
        from podtts.publish.timeline import speaker_names

        names = speaker_names(self.script.labels, [one.prompt.name for one in self.cast])
        timeline = mix.timeline(self.script, names)
        output, work = Path(self.output), self.tell.work
        with self.tell.publishing() as watch:
            files = publish(
                journal.partial, timeline, output, self.publishing, tags, say, work, watch
            )
        self.tell.files_published(files)

    def _say_what_is_kept(self, journal: Journal) -> None:
        if not self.done and journal.count:
            listen = f", or listen to {journal.partial.name} there"
            say(
                f"{journal.count} turns are kept in {journal.folder}; go on with --resume"
                f"{listen if journal.partial.exists() else ''}"
            )
