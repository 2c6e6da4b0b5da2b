"""Many scripts spoken side by side: each has a row, and goes on as soon as its turn is there.

The LLM writes a token of every row a step; rows of any length stand beside each other. A row whose
script is finished takes the next one. What a script draws depends on the script alone, so it says
the same here and by itself.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from podtts.device import Stopwatch, memory_errors_named, release_memory, runs_rows_together
from podtts.errors import OutOfMemoryError, PodttsError
from podtts.llm.generate import Decoder, NotFiniteError
from podtts.llm.kv_cache import KVCache
from podtts.llm.prefix import PrefixStore
from podtts.rendering import Render, Rendered, render
from podtts.speaking import Job, Story, Write, Written, speak
from podtts.values import TurnAudio
from podtts.weights.load import Models

_WAITING_SHARE = 4  # a device that renders turns together waits until every fourth row wants it


@dataclass(frozen=True, eq=False)
class JobFailed:
    """A script that cannot be spoken any further; the others go on."""

    job: Job
    error: PodttsError


@dataclass(eq=False)
class _Row:
    """A script being spoken."""

    job: Job
    cache: KVCache
    story: Story
    writing_seconds: float = 0.0  # of the LLM, for the turn being written


_Answer = Written | Rendered | NotFiniteError | None


class Ensemble:
    """A loaded checkpoint that speaks scripts side by side.

    prefixes: where the LLM's state after the prompts is kept between runs; None: nowhere.
    rows:     how many scripts at once.
    """

    def __init__(self, models: Models, prefixes: PrefixStore | None = None, *, rows: int) -> None:
        self.models, self.prefixes = models, prefixes
        self._caches = models.llm.new_caches(rows)
        self._decoder = Decoder(models.llm, self._caches)
        self._rows: dict[KVCache, _Row] = {}
        self._silent: list[tuple[_Row, Render]] = []  # turns that are written and not yet heard

    @property
    def rows(self) -> int:
        """How many scripts are spoken at once."""
        return len(self._caches.rows)

    def resize(self, rows: int) -> None:
        """Forget all that was being spoken and give its memory back; then so many at once."""
        self._forget()
        self._caches = self.models.llm.new_caches(rows)
        self._decoder = Decoder(self.models.llm, self._caches)
        release_memory(self.models.device)

    def speak(self, jobs: Iterable[Job | None]) -> Iterator[tuple[Job, TurnAudio] | JobFailed]:
        """Speak scripts, yielding every turn as soon as its audio exists, in order for each job.

        jobs: the next is taken when a row is free; None says that it is not ready yet, and is
              followed by a step of the others. A job is finished when its last turn has come.
        What is wrong with one job ends it alone, with JobFailed. What was left unfinished by a
        caller who stopped listening is forgotten.
        Raises OutOfMemoryError, whoever took the last of it: the caller decides who waits.
        """
        self._forget()
        waiting = iter(jobs)
        more = True
        while more or self._rows:
            more = yield from self._fill(waiting)
            self._close_ranks()
            for row, answer in self._work():
                yield from self._go_on(row, answer)

    def _fill(
        self, waiting: Iterator[Job | None]
    ) -> Generator[tuple[Job, TurnAudio] | JobFailed, None, bool]:
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

    def _forget(self) -> None:
        self._decoder.abandon()
        self._rows.clear()
        self._silent.clear()

    def _close_ranks(self) -> None:
        """Move rows into free places in front of them, as the LLM reads the first rows."""
        for place in range(len(self._rows)):
            if self._caches.rows[place] not in self._rows:
                with memory_errors_named("moving a script"):
                    self._caches.swap(place, max(cache.index for cache in self._rows))

    def _work(self) -> list[tuple[_Row, _Answer]]:
        """Let one model do one piece of work; return whom it brings forward."""
        together = runs_rows_together(self.models.device)
        wanted = len(self._rows) / _WAITING_SHARE if together else 1
        if self._silent and (len(self._silent) >= wanted or not self._decoder.writing):
            return self._render()
        return self._write() if self._decoder.writing else []

    def _render(self) -> list[tuple[_Row, _Answer]]:
        """Make audible what was written longest ago, and all that can be with it."""
        options = self._silent[0][1].options
        now = [one for one in self._silent if one[1].options == options]
        self._silent = [one for one in self._silent if one[1].options != options]
        with memory_errors_named("rendering turns"):
            answers = render(self.models, [turn for _, turn in now])
        return [(row, answer) for (row, _), answer in zip(now, answers, strict=True)]

    def _write(self) -> list[tuple[_Row, _Answer]]:
        """Write one token of every turn."""
        writing = [self._rows[cache] for cache in self._decoder.writing]
        with Stopwatch(self.models.device) as step, memory_errors_named("writing turns"):
            finished = self._decoder.step()
        for row in writing:
            row.writing_seconds += step.seconds / len(writing)
        answers: list[tuple[_Row, _Answer]] = []
        for cache, done in finished.items():
            row = self._rows[cache]
            if isinstance(done, NotFiniteError):
                answers.append((row, done))
            else:
                answers.append((row, Written(done, row.writing_seconds)))
        return answers

    def _begin(self, row: _Row, wish: Write) -> None:
        dialogue, cache = wish.dialogue, row.cache
        with Stopwatch(self.models.device) as reading, memory_errors_named("reading a turn"):
            dialogue.rewind()
            self._decoder.begin(cache, dialogue.window.ids, wish.sampling, wish.rng)
        row.writing_seconds = reading.seconds

    def _go_on(self, row: _Row, answer: _Answer) -> Iterator[tuple[Job, TurnAudio] | JobFailed]:
        """Tell a row what it asked for, and take up what it asks for next."""
        try:
            if isinstance(answer, NotFiniteError):
                wish = row.story.throw(answer)
            else:
                wish = row.story.send(answer)
            while isinstance(wish, TurnAudio):
                yield row.job, wish
                wish = next(row.story)
            if isinstance(wish, Write):
                self._begin(row, wish)
            else:
                self._silent.append((row, wish))
        except StopIteration:
            del self._rows[row.cache]
        except OutOfMemoryError:
            raise
        except PodttsError as error:
            del self._rows[row.cache]
            yield JobFailed(row.job, error)
