"""Writes one episode turn by turn: its journal, the mix that grows, and its files in the end.

An episode with a journal is written to files. Without one its mix goes to a stream as it grows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from podtts.audio.metadata import AudioMetadata
from podtts.audio.sink import Sink
from podtts.audio.wav import WavWriter
from podtts.episode.journal import Journal
from podtts.episode.journal_lines import FinishedTurn
from podtts.errors import DiskError, UsageError
from podtts.options import SynthesisOptions
from podtts.publish.audio_files import open_stream
from podtts.publish.episode_metadata import episode_metadata
from podtts.publish.mix import Mix, longest_mix, tempos
from podtts.publish.progress import Watch, no_progress
from podtts.publish.publish_options import PublishOptions
from podtts.publish.publishing import publish
from podtts.publish.timeline import speaker_names
from podtts.script.model import Script
from podtts.values import AudioChunk, RunWork, SpeakerPrompt, Turn, TurnAudio


@dataclass(frozen=True, eq=False)
class EpisodePlan:
    """What an episode is made from.

    prompts: one per label of the script, in the script's order.
    name:    a path or name that is the title where the options have none.
    model:   the checkpoint's name, for the tags of the files.
    day:     YYYY-MM-DD, for the tags.
    device:  the type of device that the run uses, for the figures of its work.
    """

    script: Script
    prompts: Sequence[SpeakerPrompt]
    options: SynthesisOptions
    publishing: PublishOptions
    name: str
    model: str
    day: str
    device: str

    @property
    def turns(self) -> Sequence[Turn]:
        """The turns of the episode; the script may have more."""
        return self.script.turns[: self.options.limit_turns]

    @property
    def tags(self) -> AudioMetadata:
        """What the files say about the episode."""
        seed = self.options.seed
        return episode_metadata(self.publishing, self.name, self.model, seed, self.day)


@dataclass(frozen=True)
class EpisodeResult:
    """What an episode has come to.

    turns:    how many it has.
    finished: how many of them an earlier run finished.
    problems: what is wrong with turns (by 0-based number), in order.
    work:     of the turns that this run synthesized.
    samples:  length of the mix, at 24 kHz.
    """

    turns: int
    finished: int
    problems: tuple[tuple[int, str], ...]
    work: RunWork
    samples: int

    @property
    def failed_turns(self) -> tuple[int, ...]:
        """The turns (0-based) with a problem."""
        return tuple(dict.fromkeys(index for index, _ in self.problems))


class EpisodeWriter:
    """Writes the turns of an episode in order.

    target:  the open journal of the episode, or a stream that takes the mix as it grows.
    retakes: turns (0-based) that an earlier run finished and that are synthesized again.

    `finished` has the turns that an earlier run finished, and `draws` the numbers of the random
    draws, both by the 0-based number of the turn. `Synthesizer.synthesize` needs both.

    The `with` block ends the mix. If the block fails, the mix of a journal stays and can be played.
    Methods may wait for a disk; two must not be called at the same time.
    """

    def __init__(
        self, plan: EpisodePlan, target: Journal | BinaryIO, retakes: Collection[int] = ()
    ) -> None:
        self.plan = plan
        self._journal = target if isinstance(target, Journal) else None
        self._target = target
        self.finished = _finished(plan, self._journal, retakes) if self._journal else {}
        self.draws = self._journal.draws(len(plan.turns)) if self._journal else {}
        self._open_mix = ExitStack()
        self._mix: Mix | None = None
        self._next = 0
        self._problems: list[tuple[int, str]] = []
        self._work = RunWork(plan.device)

    def __enter__(self) -> EpisodeWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lost_journal_named():
            self._open_mix.__exit__(kind, error, traceback)

    @property
    def remaining(self) -> int:
        """How many turns were still to be synthesized when the writer was opened."""
        return len(self.plan.turns) - len(self.finished)

    @property
    def next_turn(self) -> int | None:
        """The number (0-based) of the turn that the mix takes next; None: it has all turns."""
        return self._next if self._next < len(self.plan.turns) else None

    def write_finished(self) -> list[FinishedTurn]:
        """Add the turns to the mix that come next and that an earlier run finished; return them.

        Opens the mix. Raises UsageError for a damaged turn, DiskError when the disk refuses one.
        """
        mix, written = self._opened(), []
        while (finished := self.finished.get(self._next)) is not None:
            assert self._journal is not None
            mix.add(self.plan.turns[self._next], self._journal.wave(self._next))
            self._count(finished.problems)
            written.append(finished)
        return written

    def add(self, audio: TurnAudio) -> None:
        """Append a turn to the journal, and to the mix.

        Finished turns before it must be written. Raises DiskError when the disk refuses it.
        """
        assert audio.index == self._next
        if self._journal is not None:
            label = self.plan.script.labels[audio.turn.speaker]
            self._journal.append(audio, label, self.draws[audio.index])
        self._opened().add(audio.turn, audio.wave)
        self._work = self._work.with_turn(audio)
        self._count(audio.problems)

    def add_chunk(self, chunk: AudioChunk) -> None:
        """Append some samples of a turn to the mix of a stream, or the turn with its last chunk.

        The whole turn is needed where silence is trimmed or the tempo changed. Raises DiskError.
        """
        assert self._journal is None
        assert chunk.index == self._next
        if not (mix := self._opened()).takes_parts(chunk.turn):
            if chunk.finished is not None:
                self.add(chunk.finished)
            return
        mix.add_part(chunk.turn, chunk.samples, first=chunk.first_sample == 0)
        if chunk.finished is not None:
            self._work = self._work.with_turn(chunk.finished)
            self._count(chunk.finished.problems)

    def publish(
        self,
        output: Path,
        say: Callable[[str], None],
        *,
        work: RunWork | None = None,
        watch: Watch = no_progress,
    ) -> list[Path]:
        """End the mix and make the episode's files from it.

        say, work, watch, and what is returned and raised: see `podtts.publish.publishing.publish`.
        Raises JournalLostError when the journal is not there any more.
        """
        assert self._journal is not None
        assert self.next_turn is None
        plan, mix = self.plan, self._opened()
        voices = [prompt.name for prompt in plan.prompts]
        timeline = mix.timeline(plan.script, speaker_names(plan.script.labels, voices))
        partial, options = self._journal.partial, plan.publishing
        self._journal.check_in_place()
        with self._lost_journal_named():
            self._open_mix.close()
            return publish(partial, timeline, output, options, plan.tags, say, work, watch)

    def result(self) -> EpisodeResult:
        """What the episode has come to so far."""
        samples = self._mix.samples if self._mix else 0
        turns, problems = len(self.plan.turns), tuple(self._problems)
        return EpisodeResult(turns, len(self.finished), problems, self._work, samples)

    @contextmanager
    def _lost_journal_named(self) -> Iterator[None]:
        """Raise JournalLostError where that is why the disk refuses a file."""
        try:
            yield
        except (UsageError, DiskError):
            if self._journal is not None:
                self._journal.check_in_place()
            raise

    def _opened(self) -> Mix:
        if self._mix is None:
            sink = self._open_mix.enter_context(self._sink())
            self._mix = Mix(sink, self.plan.publishing.layout, tempos(self.plan.script))
        return self._mix

    def _sink(self) -> AbstractContextManager[Sink]:
        plan = self.plan
        if isinstance(self._target, Journal):
            paces = tempos(plan.script)
            longest = longest_mix(plan.turns, plan.options.sampling.max_tokens, paces)
            partial = self._target.partial
            return WavWriter(partial, partial, longest, tags=plan.tags)
        options = plan.publishing
        return open_stream(
            self._target, options.format, options.rate_hz, plan.tags, options.bitrate_kbps
        )

    def _count(self, problems: Collection[str]) -> None:
        """Go on to the next turn."""
        self._problems += [(self._next, problem) for problem in problems]
        self._next += 1


def _finished(
    plan: EpisodePlan, journal: Journal, retakes: Collection[int]
) -> dict[int, FinishedTurn]:
    """The turns that an earlier run finished, without the retakes."""
    wanted = [pair for pair in enumerate(plan.turns) if pair[0] not in retakes]
    turns = ((index, journal.finished(index, turn)) for index, turn in wanted)
    return {index: turn for index, turn in turns if turn is not None}
