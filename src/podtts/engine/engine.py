"""Many scripts spoken side by side: each has a row, and goes on as soon as its turn is there.

The LLM writes a token of every row a step; rows of any length stand beside each other. A row whose
script is finished takes the next one. What a script draws depends on the script alone, so it says
the same here and by itself.

Where a device does two things at once, a turn is rendered while the LLM writes the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

import torch

from podtts.device.memory import memory_errors_named, release_memory
from podtts.device.placement import batches_rows, runs_streams_concurrently
from podtts.device.stopwatch import Stopwatch
from podtts.engine.backstage import Backstage
from podtts.engine.renderer import Render, render
from podtts.engine.sequence import Answer, NotWritten, Request, Story, Write, Written, speak
from podtts.errors import OutOfMemoryError, PodttsError
from podtts.llm.block_decoder import BlockDecoder, decoder_for
from podtts.llm.generate import Decoder, NotFiniteError
from podtts.llm.kv_cache import CacheRows, KVCache
from podtts.llm.native_layers import NativeLayers
from podtts.llm.prefix import PrefixStore
from podtts.llm.qwen3 import Qwen3
from podtts.values import TurnAudio
from podtts.weights.load import Models

_WAITING_SHARE = 4  # a device that renders turns together waits until every fourth row wants it


def _overlap_pays(models: Models, rows: int) -> bool:
    """Whether writing and rendering at once is faster, and repeats bit by bit.

    With several rows it is no faster on a CPU, and elsewhere the last bits would depend on which
    turns are rendered together, and so on who is ready first.
    """
    if rows > 1 or models.device.type != "cpu":
        return rows == 1 and runs_streams_concurrently(models.device)
    # Compiled code does with half of the cores; torch would make the LLM wait.
    compiled = isinstance(models.llm.fused_layers, NativeLayers) and models.flow.runs_compiled(
        "float32"
    )
    return compiled and torch.get_num_threads() > 1


@dataclass(frozen=True, eq=False)
class RequestFailed:
    """A script that cannot be spoken any further; the others go on."""

    job: Request
    error: PodttsError


@dataclass(eq=False)
class _Row:
    """A script being spoken."""

    job: Request
    cache: KVCache
    story: Story
    writing_seconds: float = 0.0  # of the LLM, for the turn being written


class Engine:
    """A loaded checkpoint that speaks scripts side by side.

    prefixes: where the LLM's state after the prompts is kept between runs; None: nowhere.
    rows:     how many scripts at once.
    decoder:  how turns are written.
    overlap:  whether turns are rendered while others are written; None: where that is faster and
              repeats bit by bit.
    """

    def __init__(
        self,
        models: Models,
        prefixes: PrefixStore | None = None,
        *,
        rows: int,
        decoder: Callable[[Qwen3, CacheRows], Decoder | BlockDecoder] = decoder_for,
        overlap: bool | None = None,
    ) -> None:
        self.models, self.prefixes = models, prefixes
        self._caches = models.llm.new_caches(rows)
        self._new_decoder = decoder
        self._decoder = decoder(models.llm, self._caches)
        self._rows: dict[KVCache, _Row] = {}
        self._silent: list[tuple[_Row, Render]] = []  # turns that are written and not yet heard
        self._overlaps = _overlap_pays(models, rows) if overlap is None else overlap
        self._backstage: Backstage | None = None  # while scripts are spoken, if it overlaps
        self._aside: list[_Row] = []  # whose turns are rendered there

    @property
    def rows(self) -> int:
        """How many scripts are spoken at once."""
        return len(self._caches.rows)

    def resize(self, rows: int) -> None:
        """Forget all that was being spoken and give its memory back; then so many at once."""
        self._forget()
        self._caches = self.models.llm.new_caches(rows)
        self._decoder = self._new_decoder(self.models.llm, self._caches)
        release_memory(self.models.device)

    def speak(
        self, jobs: Iterable[Request | None]
    ) -> Iterator[tuple[Request, TurnAudio] | RequestFailed]:
        """Speak scripts, yielding every turn as soon as its audio exists, in order for each job.

        jobs: the next is taken when a row is free; None says that it is not ready yet, and is
              followed by a step of the others. A job is finished when its last turn has come.
        What is wrong with one job ends it alone, with RequestFailed. What was left unfinished by a
        caller who stopped listening is forgotten.
        Raises OutOfMemoryError, whoever took the last of it: the caller decides who waits.
        """
        self._forget()
        waiting = iter(jobs)
        more = True
        self._backstage = Backstage(self.models) if self._overlaps else None
        try:
            while more or self._rows:
                more = yield from self._fill(waiting)
                self._close_ranks()
                for row, answer in self._work():
                    yield from self._go_on(row, answer)
        finally:
            if self._backstage:
                self._backstage.close()

    def _fill(
        self, waiting: Iterator[Request | None]
    ) -> Generator[tuple[Request, TurnAudio] | RequestFailed, None, bool]:
        """Give every free row a job; return whether more may come."""
        for cache in list(self._caches.rows):
            while cache not in self._rows:
                try:
                    job = next(waiting)
                except StopIteration:
                    return False
                if job is None:
                    return True
                cache.trim(0)
                row = _Row(job, cache, speak(self.models, self.prefixes, job, cache))
                self._rows[cache] = row
                yield from self._go_on(row, None)  # may finish it at once
        return True

    def _close_ranks(self) -> None:
        """Move rows into free places in front of them, as the LLM reads the first rows."""
        for place in range(len(self._rows)):
            if self._caches.rows[place] not in self._rows:
                with memory_errors_named("moving a script"):
                    self._caches.swap(place, max(cache.index for cache in self._rows))

    def _forget(self) -> None:
        self._decoder.abandon()
        self._rows.clear()
        self._silent.clear()
        self._aside.clear()

    def _work(self) -> list[tuple[_Row, Answer]]:
        """Let the models do a piece of work; return whom it brings forward."""
        if self._backstage:
            return self._work_at_once(self._backstage)
        together = batches_rows(self.models.device)
        wanted = len(self._rows) / _WAITING_SHARE if together else 1
        if self._silent and (len(self._silent) >= wanted or not self._decoder.writing):
            return self._render()
        return self._write() if self._decoder.writing else []

    def _work_at_once(self, backstage: Backstage) -> list[tuple[_Row, Answer]]:
        """Keep both the LLM and what renders at work."""
        if self._silent and not backstage.is_busy:
            now = self._next_silent()
            self._aside = [row for row, _ in now]
            backstage.begin([turn for _, turn in now])
        if backstage.is_done or (backstage.is_busy and not self._decoder.writing):
            heard = zip(self._aside, backstage.collect(), strict=True)
            return [(row, answer) for row, answer in heard if self._rows.get(row.cache) is row]
        if self._decoder.records_next:
            backstage.wait()
        return self._write() if self._decoder.writing else []

    def _next_silent(self) -> list[tuple[_Row, Render]]:
        """Take what was written longest ago, and all that can be rendered with it."""
        options = self._silent[0][1].options
        now = [one for one in self._silent if one[1].options == options]
        self._silent = [one for one in self._silent if one[1].options != options]
        return now

    def _render(self) -> list[tuple[_Row, Answer]]:
        now = self._next_silent()
        with memory_errors_named("rendering turns"):
            answers = render(self.models, [turn for _, turn in now])
        return [(row, answer) for (row, _), answer in zip(now, answers, strict=True)]

    def _write(self) -> list[tuple[_Row, Answer]]:
        """Write some tokens of every turn."""
        writing = [self._rows[cache] for cache in self._decoder.writing]
        with Stopwatch(self.models.device) as step, memory_errors_named("writing turns"):
            finished = self._decoder.step()
        for row in writing:
            row.writing_seconds += step.seconds / len(writing)
        answers: list[tuple[_Row, Answer]] = []
        for cache, done in finished.items():
            row = self._rows[cache]
            if isinstance(done, NotFiniteError):
                answers.append((row, NotWritten(done)))
            else:
                answers.append((row, Written(done, row.writing_seconds)))
        return answers

    def _begin(self, row: _Row, wish: Write) -> None:
        dialogue, cache = wish.dialogue, row.cache
        if self._backstage and dialogue.is_behind:  # reading what was said may be recorded
            self._backstage.wait()
        with Stopwatch(self.models.device) as reading, memory_errors_named("reading a turn"):
            dialogue.rewind(self._decoder.read)
            self._decoder.begin(cache, dialogue.window.ids, wish.sampling, wish.rng)
        row.writing_seconds = reading.seconds

    def _go_on(
        self, row: _Row, answer: Answer
    ) -> Iterator[tuple[Request, TurnAudio] | RequestFailed]:
        """Tell a row what it asked for, and take up what it asks for next."""
        try:
            wish = row.story.send(answer)
            while True:
                if isinstance(wish, TurnAudio):
                    yield row.job, wish
                elif isinstance(wish, Render):
                    self._silent.append((row, wish))
                    if not self._backstage:
                        return
                else:
                    break
                wish = next(row.story)
            if isinstance(wish, Write):
                self._begin(row, wish)
        except StopIteration:
            del self._rows[row.cache]
        except OutOfMemoryError:
            raise
        except PodttsError as error:
            del self._rows[row.cache]
            self._silent = [one for one in self._silent if one[0] is not row]
            yield RequestFailed(row.job, error)
