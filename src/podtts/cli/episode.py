"""One run of `synth`: voices gathered, turns spoken and kept in the journal, the file written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podtts.cli.messages import say, warn, warn_once
from podtts.cli.output import is_stream, open_mix
from podtts.cli.publishing import today
from podtts.errors import PartialError, UsageError
from podtts.publish.options import FORMATS
from podtts.rates import OUTPUT_HZ

if TYPE_CHECKING:
    from podtts.audio.tags import Tags
    from podtts.cli.takes import Takes
    from podtts.device import Placement
    from podtts.journal import Journal, SpokenTurn
    from podtts.options import SynthesisOptions
    from podtts.publish.mix import Mix
    from podtts.publish.options import PublishOptions
    from podtts.script.model import Script
    from podtts.values import TurnAudio


_NAMELESS = ("-", "<stdin>")


class Episode:
    """One call of `synth` and what it tells about itself."""

    def __init__(
        self,
        script: Script,
        output: str,
        options: SynthesisOptions,
        publishing: PublishOptions,
        takes: Takes,
        *,
        keeps_prefix: bool,
        verbose: bool,
    ) -> None:
        self.keeps_prefix = keeps_prefix
        self.script, self.output, self.options, self.takes = script, output, options, takes
        self.publishing, self.verbose = publishing, verbose
        self.planned = script.turns[: options.limit_turns]
        self.started = time.perf_counter()
        self.failed: list[int] = []
        self.done = False
        if (takes.resume or takes.retake) and is_stream(output):
            raise UsageError(f"-o {output} keeps no journal to resume", "write to a file")

    def gather(
        self, directory: Path, overrides: dict[str, str], root: Path, speakers: Path | None
    ) -> None:
        """Find the voices, preparing those that only --speakers or the script has."""
        from podtts.casting import gather_prompts
        from podtts.prompts.cache import PromptCache
        from podtts.prompts.voices import VoiceStore
        from podtts.weights.bundled import bundled_cache, bundled_model
        from podtts.weights.encoders import checkpoint_encoders
        from podtts.weights.files import check_directory

        check_directory(directory)
        encoders = checkpoint_encoders(directory)
        cache, voices = PromptCache(root, warn_once), VoiceStore(root)
        started = time.perf_counter()
        self.root = root
        bundled = bundled_cache() if directory == bundled_model() else None
        self.cast = gather_prompts(
            self.script, overrides, encoders, cache, voices, speakers, bundled=bundled
        )
        self._perf("prompts", "cpu", time.perf_counter() - started)

    def speak(self, directory: Path, placement: Placement) -> None:
        """Speak what is not spoken yet, and write every turn as soon as it is there.

        Raises PartialError when turns came out wrong: the file is written all the same.
        """
        from podtts.publish.mix import tempos
        from podtts.weights.bundled import bundled_model

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
            from podtts.publish.tagging import episode_tags

            known = [name for name in (self.script.source, self.output) if name not in _NAMELESS]
            tags = episode_tags(
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
        self._summary(mix)
        if journal is not None and not self.takes.keep:
            journal.remove()
        if self.failed:
            numbers = ",".join(str(index + 1) for index in self.failed)
            raise PartialError(
                f"{len(self.failed)} of {len(self.planned)} turns came out wrong: {numbers}",
                f"listen to them; --retake {numbers} speaks them anew",
            )

    def _mix(
        self, directory: Path, placement: Placement, journal: Journal | None, tags: Tags
    ) -> Mix:
        """Lay every turn into the mix as soon as it is there, from the journal or spoken now."""
        from podtts.cli.progress import TurnBar
        from podtts.publish.mix import Mix, longest_mix, tempos

        spoken = self._spoken(journal)
        stream = self._stream(directory, placement, journal, spoken)
        longest = longest_mix(self.planned, self.options.sampling.max_tokens, tempos(self.script))
        partial = journal.partial if journal else None
        with (
            open_mix(self.output, partial, self.publishing, tags, longest) as sink,
            TurnBar(len(self.planned)) as bar,
        ):
            mix = Mix(sink, self.publishing.layout, tempos(self.script))
            for index, turn in enumerate(self.planned):
                bar.speaking(self.script.labels[turn.speaker], turn)
                if index in spoken:
                    assert journal is not None
                    mix.add(turn, journal.wave(index))
                    self._problems(index, spoken[index].problems)
                else:
                    audio = next(stream)
                    assert audio.index == index
                    if journal is not None:
                        journal.keep(audio, self.script.labels[turn.speaker])
                    mix.add(turn, audio.wave)
                    self._report(audio, placement.device.type)
                bar.done()
        return mix

    def _open_journal(
        self, stack: ExitStack, directory: Path, placement: Placement
    ) -> Journal | None:
        if is_stream(self.output):
            return None
        from podtts.journal import Journal, journal_owner

        resume = self.takes.resume or bool(self.takes.retake)
        owner = journal_owner(Path(self.output), FORMATS if resume else ())
        identity = self._identity(directory, placement)
        journal = stack.enter_context(Journal(owner, identity, resume=resume, day=today()))
        stack.callback(self._say_what_is_kept, journal)
        return journal

    def _identity(self, directory: Path, placement: Placement) -> dict[str, Any]:
        """Everything but the turns' texts that determines what is spoken."""
        from podtts.identity import checkpoint_identity, run_identity

        where = checkpoint_identity(directory, placement, self.root)
        return run_identity(where, self.options, [one.prompt for one in self.cast])

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
        from podtts.device import dtype_name
        from podtts.kept import narrow_store, prefix_store
        from podtts.pipeline import Synthesizer
        from podtts.weights.load import load_models

        started = time.perf_counter()
        narrow = narrow_store(self.root, directory, warn_once)
        models = load_models(directory, placement, narrow)
        self._perf("load", placement.device.type, time.perf_counter() - started)
        if models.untrained:
            say("this checkpoint has random weights: what it speaks is noise")
        variations = {} if journal is None else journal.next_variations(self.takes.retake)
        prefixes = None
        if self.keeps_prefix:
            prefixes = prefix_store(
                self.root, directory, placement, dtype_name(models.llm_dtype), warn_once
            )
        yield from Synthesizer(models, prefixes).synthesize(
            self.script,
            [one.prompt for one in self.cast],
            self.options,
            spoken={index: one.tokens for index, one in spoken.items()},
            variations=variations,
        )

    def _report(self, audio: TurnAudio, device: str) -> None:
        number = audio.index + 1
        for stage in ("llm", "flow", "vocoder"):
            detail = f"turn={number} tokens={len(audio.tokens.ids)} audio={audio.seconds:.2f}"
            self._perf(stage, device, getattr(audio.work, stage), detail)
        self._problems(audio.index, audio.problems)
        if not audio.tokens.ended and not audio.problems:
            warn(
                f"turn {number} (line {audio.turn.line}) reached the limit of "
                f"{len(audio.tokens.ids)} tokens; its end may be missing"
            )

    def _problems(self, index: int, problems: tuple[str, ...]) -> None:
        for problem in problems:
            warn(f"turn {index + 1} (line {self.planned[index].line}) came out wrong: {problem}")
        if problems:
            self.failed.append(index)

    def _perf(self, stage: str, device: str, seconds: float, detail: str = "") -> None:
        if self.verbose:
            say(f"[PERF] stage={stage} device={device} seconds={seconds:.3f} {detail}")

    def _publish(self, journal: Journal, mix: Mix, tags: Tags) -> None:
        """Write the files that were asked for from the finished mix."""
        from podtts.publish.release import publish
        from podtts.publish.timeline import speaker_names

        names = speaker_names(self.script.labels, [one.prompt.name for one in self.cast])
        timeline = mix.timeline(self.script, names)
        publish(journal.partial, timeline, Path(self.output), self.publishing, tags, say)

    def _say_what_is_kept(self, journal: Journal) -> None:
        if not self.done and journal.count:
            listen = f", or listen to {journal.partial.name} there"
            say(
                f"{journal.count} turns are kept in {journal.folder}; go on with --resume"
                f"{listen if journal.partial.exists() else ''}"
            )

    def _summary(self, mix: Mix) -> None:
        wall, seconds = time.perf_counter() - self.started, mix.samples / OUTPUT_HZ
        where = "stdout" if self.output == "-" else self.output
        # Silence between turns takes no work: it would only flatter the figure.
        rtf = f"{wall / mix.seconds_spoken:.2f}" if mix.seconds_spoken else "-"
        say(
            f"{where}: {len(self.planned)} turns, {seconds:.1f} s of audio in {wall:.1f} s, "
            f"RTF {rtf}"
        )
