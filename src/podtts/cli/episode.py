"""One run of `synth`: finds the voices, synthesizes the turns and writes the episode."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from podtts.cli.ear_flags import turn_listener
from podtts.cli.messages import say, warn, warn_once
from podtts.cli.mini_notice import introduce_mini
from podtts.cli.output import is_stream, open_output
from podtts.cli.publish_flags import today
from podtts.cli.voice_offer import offer_of_voices
from podtts.errors import PartialError, UsageError
from podtts.publish.publish_options import FORMATS
from podtts.text.counting import counted

if TYPE_CHECKING:
    from podtts.cli.earlier_run import EarlierRun
    from podtts.cli.reporter import Reporter
    from podtts.device.placement import Placement
    from podtts.engine.request import Listener
    from podtts.episode.journal import Journal
    from podtts.episode.writer import EpisodeWriter
    from podtts.options import SynthesisOptions
    from podtts.pipeline import Synthesizer
    from podtts.publish.publish_options import PublishOptions
    from podtts.script.model import Script
    from podtts.values import TurnAudio

_NAMELESS = ("-", "<stdin>")


class SynthRun:
    """One call of `synth`.

    earlier: what becomes of an earlier run of the same output.
    report:  is called with every step.
    recognizer: the folder of what hears the turns; None: nobody listens.
    names_model: the user has named the model; else the first run says what the bundled one is.
    flow_cache: MB for the flow's states behind prompts.
    """

    def __init__(
        self,
        script: Script,
        output: str,
        options: SynthesisOptions,
        publishing: PublishOptions,
        earlier: EarlierRun,
        report: Reporter,
        recognizer: Path | None,
        *,
        keeps_prefix: bool,
        names_model: bool,
        flow_cache: int,
    ) -> None:
        self._script, self._output, self._options = script, output, options
        self._publishing, self._earlier, self._report = publishing, earlier, report
        self._recognizer, self._keeps_prefix = recognizer, keeps_prefix
        self._names_model = names_model
        self._flow_cache = flow_cache
        self._turns = script.turns[: options.limit_turns]
        self._is_done = False
        if earlier.needs_journal and is_stream(output):
            raise UsageError(f"-o {output} keeps no journal to resume", "write to a file")

    def gather(
        self, directory: Path, overrides: dict[str, str], root: Path, speakers: Path | None
    ) -> None:
        """Find the voices; prepares those that only --speakers or the script has."""
        from podtts.engine.compatibility import TextCheck
        from podtts.prompts.casting import VoiceCasting
        from podtts.weights.voices import checkpoint_voices

        check = TextCheck(directory)
        for error in check.problems(self._script):
            raise error
        started = time.perf_counter()
        self._root = root
        sources = checkpoint_voices(directory, root, speakers, warn_once)
        if (offer := offer_of_voices(self._script, overrides, sources)) is not None:
            raise offer
        self._cast = VoiceCasting(sources).gather(self._script, overrides)
        self._prompts = [member.prompt for member in self._cast]
        texts = {each.name: each.transcript + each.dialect_prompt for each in self._prompts}
        for error in check.problems(self._script, texts):
            raise error
        self._report.voices_ready(self._cast, time.perf_counter() - started)

    def synthesize(self, directory: Path, placement: Placement) -> None:
        """Synthesize the turns that no earlier run finished, and write each as soon as it is there.

        Raises PartialError when turns failed a check: the episode is written all the same. If this
        run synthesized no turn, an earlier one has said so with its exit code: it is only repeated.
        """
        from podtts.episode.writer import EpisodePlan, EpisodeWriter

        with ExitStack() as stack:
            journal = self._open_journal(stack, directory, placement)
            self._say_how(directory, placement)
            known = [name for name in (self._script.source, self._output) if name not in _NAMELESS]
            plan = EpisodePlan(
                script=self._script,
                prompts=self._prompts,
                options=self._options,
                publishing=self._publishing,
                name=known[0] if known else "",
                model=directory.resolve().name,
                day=journal.day if journal else today(),
                device=placement.device.type,
            )
            target = journal or stack.enter_context(open_output(self._output))
            writer = EpisodeWriter(plan, target, self._earlier.retake)
            if journal is not None:
                self._say_what_is_finished(writer, journal)
            with writer, self._report.turn_progress([*writer.finished]):
                if journal is None and self._options.flow.mode == "streaming":
                    self._write_chunks(writer, directory, placement)
                else:
                    self._write_turns(writer, self._audio(directory, placement, journal, writer))
            if journal is not None:
                with self._report.publishing() as watch:
                    work = writer.result().work
                    files = writer.publish(Path(self._output), say, work=work, watch=watch)
                self._report.files_published(files)
            self._is_done = True
        result = writer.result()
        self._report.summary("stdout" if self._output == "-" else self._output, result.samples)
        if journal is not None and not self._earlier.keep:
            self._remove(journal)
        if failed := result.failed_turns:
            numbers = ",".join(str(index + 1) for index in failed)
            problem = f"{len(failed)} of {counted(result.turns, 'turn')} failed a check: {numbers}"
            hint = f"listen to them; --retake {numbers} synthesizes them again"
            if result.work.turns:
                raise PartialError(problem, hint)
            warn(f"{problem}; {hint}")

    def _remove(self, journal: Journal) -> None:
        """Remove the journal, unless another file owns it."""
        from podtts.episode.journal_files import journal_folder

        if journal.folder == journal_folder(Path(self._output)):
            journal.remove()

    def _open_journal(
        self, stack: ExitStack, directory: Path, placement: Placement
    ) -> Journal | None:
        """Open the journal of the output; None for a stream, which has none."""
        if is_stream(self._output):
            return None
        from podtts.episode.fingerprint import checkpoint_fingerprint, run_fingerprint
        from podtts.episode.journal_choice import open_journal

        checkpoint = checkpoint_fingerprint(directory, placement, self._root, self._recognizer)
        journal = stack.enter_context(
            open_journal(
                Path(self._output),
                FORMATS,  # turns are the same in any format
                run_fingerprint(checkpoint, self._options, self._prompts),
                self._script.turns if self._earlier.keep_later else self._turns,
                self._earlier.rule,
                anyway=self._earlier.anyway,
                keep_later=self._earlier.keep_later,
                day=today(),
            )
        )
        if journal.set_aside is not None:
            say(str(journal.set_aside))
        if journal.is_mixed:
            warn(
                f"{journal.folder} was continued with --resume-anyway: its turns are not those of "
                "an uninterrupted run to the last bit"
            )
        stack.push(partial(self._say_what_is_stored, journal))
        return journal

    def _write_turns(self, writer: EpisodeWriter, audio: Iterator[TurnAudio]) -> None:
        """Write the turns in order, those of an earlier run and those that are synthesized."""
        while True:
            for finished in writer.write_finished():
                self._report.turn_restored(finished.index, finished)
            if writer.next_turn is None:
                return
            self._report.turn_started(writer.next_turn)
            turn = next(audio)
            writer.add(turn)
            self._report.turn_finished(turn)

    def _write_chunks(self, writer: EpisodeWriter, directory: Path, placement: Placement) -> None:
        """Write every turn to the stream while the rest of it is being synthesized."""
        if self._options.retries:
            say("sound goes out as it is made: a turn that fails a check gets no other attempt")
        synthesizer, listener = self._load(directory, placement)
        self._report.turn_started(0)
        for chunk in synthesizer.stream(
            self._script, self._prompts, self._options, listener=listener
        ):
            writer.add_chunk(chunk)
            if chunk.finished is not None:
                self._report.turn_finished(chunk.finished)
                if writer.next_turn is not None:
                    self._report.turn_started(writer.next_turn)

    def _audio(
        self, directory: Path, placement: Placement, journal: Journal | None, writer: EpisodeWriter
    ) -> Iterator[TurnAudio]:
        """Synthesize the turns that are not finished; loads the weights first."""
        synthesizer, listener = self._load(directory, placement)
        attempts = {} if journal is None else journal.next_attempts(self._earlier.retake)
        yield from synthesizer.synthesize(
            self._script,
            self._prompts,
            self._options,
            finished={index: turn.tokens for index, turn in writer.finished.items()},
            attempts=attempts,
            draws=writer.draws,
            listener=listener,
        )

    def _load(self, directory: Path, placement: Placement) -> tuple[Synthesizer, Listener | None]:
        """Load the weights, and what hears the turns."""
        import torch

        from podtts.flow.prompt_states import PromptStates
        from podtts.pipeline import Synthesizer
        from podtts.weights.derived import open_checkpoint

        started = time.perf_counter()
        opened = open_checkpoint(
            directory, placement, self._root, warn_once, keeps_prefixes=self._keeps_prefix
        )
        recognizer = self._recognizer
        listener = turn_listener(recognizer, torch.get_num_threads()) if recognizer else None
        self._report.models_loaded(time.perf_counter() - started)
        if opened.models.untrained:
            say("this checkpoint has random weights: its speech is noise")
        states = PromptStates(self._flow_cache)
        return Synthesizer(opened.models, opened.prefixes, prompt_states=states), listener

    def _say_how(self, directory: Path, placement: Placement) -> None:
        """Say which model, device and voices the run uses."""
        from podtts.hub.bundled import bundled_model
        from podtts.publish.mix import tempos

        if directory == bundled_model() and not self._names_model:
            introduce_mini(self._root)
        for speaker, tempo in tempos(self._script).items():
            say(
                f"{self._script.labels[speaker]} speaks at {tempo:g} times the pace: "
                "stretched after synthesis, the pitch stays"
            )
        voices = ", ".join(
            f"{member.label}={member.prompt.name} ({'cached' if member.cached else 'prepared'})"
            for member in self._cast
        )
        heard_by = f", verified by {self._recognizer}" if self._recognizer else ""
        say(f"model {directory}, {placement}, seed {self._options.seed}, voices {voices}{heard_by}")

    def _say_what_is_finished(self, writer: EpisodeWriter, journal: Journal) -> None:
        """Say which turns an earlier run finished, and what a changed text means for the others."""
        for index, turn in enumerate(self._turns):
            later = [other + 1 for other in writer.finished if other > index]
            if later and journal.has_changed(index, turn):
                say(
                    f"turn {index + 1} has another text and is synthesized again; turns {later[0]} "
                    f"to {later[-1]} continue the old one: --retake them to continue the new one"
                )
        if writer.finished:
            count = f"{len(writer.finished)} of {counted(len(self._turns), 'turn')}"
            verb = "is" if len(self._turns) == 1 else "are"
            rest = "" if writer.remaining else "; --fresh synthesizes them anew"
            say(f"{count} {verb} taken from {journal.folder}{rest}")

    def _say_what_is_stored(
        self,
        journal: Journal,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Say at the end of a run that did not get to its end what the next one has."""
        from podtts.episode.journal import JournalLostError

        if self._is_done or isinstance(error, JournalLostError):
            return
        try:
            journal.check_in_place()
        except JournalLostError as lost:
            say(f"{lost.problem}; {lost.hint}")
            return
        if not journal.count:
            return
        listen = f", or listen to {journal.partial.name} there"
        say(
            f"{counted(journal.count, 'turn')} {'is' if journal.count == 1 else 'are'} stored in "
            f"{journal.folder}; continue with the same command"
            f"{listen if journal.partial.exists() else ''}"
        )
