"""Renders turns or chunks of them: between decode steps, or on a thread of its own beside them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from podtts.device.cancellation import Cancellation, cancelled_by
from podtts.device.cuda_stream import DeviceStream
from podtts.device.memory import memory_errors_named
from podtts.device.placement import batches_rows
from podtts.engine.render import Rendered, RenderJob, render
from podtts.engine.streamed_turn import RenderedChunk, StreamedTurn, render_in_chunks
from podtts.flow.chunks import Chunk
from podtts.flow.prompt_states import PromptStates
from podtts.llm.decoder import NotFiniteError
from podtts.weights.load import Models

Owner = TypeVar("Owner", bound=Hashable)


@dataclass(frozen=True, eq=False)
class ChunkJob:
    """The next chunk of a turn; the chunk before it is rendered."""

    turn: StreamedTurn
    chunk: Chunk


Job = RenderJob | ChunkJob
Result = Rendered | RenderedChunk | NotFiniteError

_WAITING_SHARE = 4  # a device that renders turns together waits for a fourth of the rows


class Renderer(Protocol[Owner]):
    """Takes render jobs, each of an owner, and hands the results out."""

    is_concurrent: bool  # whether the LLM can decode meanwhile

    def submit(self, owner: Owner, job: Job) -> None:
        """Take a job."""

    def poll(self, rows: int, *, decoding: bool) -> list[tuple[Owner, Result]]:
        """Return results that are there; waits for some if there is nothing else to do.

        rows: how many owners may have a job. decoding: whether the LLM has something to do.
        Raises what went wrong with a group.
        """

    def wait(self) -> None:
        """Wait until nothing is being rendered."""

    def cancel(self, owner: Owner) -> None:
        """Forget an owner's job."""

    def close(self) -> None:
        """Forget all jobs and end what is being rendered; a later job starts a new thread."""


class _Queue(Generic[Owner]):
    """Jobs in the order they came."""

    def __init__(self) -> None:
        self._jobs: list[tuple[Owner, Job]] = []

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, owner: Owner, job: Job) -> None:
        self._jobs.append((owner, job))

    def take_group(self) -> list[tuple[Owner, Job]]:
        """Take the oldest job and all that can be rendered with it."""
        oldest = self._jobs[0][1]
        group = [entry for entry in self._jobs if _together(oldest, entry[1])]
        self._jobs = [entry for entry in self._jobs if not _together(oldest, entry[1])]
        return group

    def remove(self, owner: Owner) -> None:
        self._jobs = [entry for entry in self._jobs if entry[0] is not owner]

    def clear(self) -> None:
        self._jobs.clear()


class InlineRenderer(Generic[Owner]):
    """Renders when it is polled; nothing is decoded meanwhile."""

    is_concurrent = False

    def __init__(self, models: Models, states: PromptStates) -> None:
        self._models, self._states = models, states
        self._queue: _Queue[Owner] = _Queue()

    def submit(self, owner: Owner, job: Job) -> None:
        self._queue.put(owner, job)

    def poll(self, rows: int, *, decoding: bool) -> list[tuple[Owner, Result]]:
        enough = rows / _WAITING_SHARE if batches_rows(self._models.device) else 1
        if not self._queue or (decoding and len(self._queue) < enough):
            return []
        group = self._queue.take_group()
        with memory_errors_named("rendering turns"):
            results = _render(self._models, self._states, [job for _, job in group])
        return [(owner, result) for (owner, _), result in zip(group, results, strict=True)]

    def wait(self) -> None:
        pass

    def cancel(self, owner: Owner) -> None:
        self._queue.remove(owner)

    def close(self) -> None:
        self._queue.clear()


class ThreadedRenderer(Generic[Owner]):
    """Renders on a thread of its own, a group at a time."""

    is_concurrent = True

    def __init__(self, models: Models, states: PromptStates) -> None:
        self._models, self._states = models, states
        self._queue: _Queue[Owner] = _Queue()
        self._stream = DeviceStream(models.device)
        self._thread: ThreadPoolExecutor | None = _started_thread()
        self._closing = Cancellation()
        self._owners: list[Owner] = []  # of the group that is being rendered
        self._group: Future[list[Result]] | None = None

    def submit(self, owner: Owner, job: Job) -> None:
        self._queue.put(owner, job)
        self._begin_group()

    def poll(self, rows: int, *, decoding: bool) -> list[tuple[Owner, Result]]:
        self._begin_group()
        if self._group is None or (decoding and not self._group.done()):
            return []
        group, self._group = self._group, None
        results = list(zip(self._owners, group.result(), strict=True))
        self._begin_group()
        return results

    def wait(self) -> None:
        if self._group is not None:
            self._group.exception()

    def cancel(self, owner: Owner) -> None:
        self._queue.remove(owner)  # a result of the group in work finds its owner gone

    def close(self) -> None:
        self._queue.clear()
        self._closing.cancel()
        if self._thread is not None:
            self._thread.shutdown()
        self._thread, self._group, self._closing = None, None, Cancellation()

    def _begin_group(self) -> None:
        if self._group is not None or not self._queue:
            return
        if self._thread is None:
            self._thread = _started_thread()
        group = self._queue.take_group()
        self._owners = [owner for owner, _ in group]
        jobs = [job for _, job in group]
        self._group = self._thread.submit(self._render, jobs, self._closing)

    def _render(self, jobs: Sequence[Job], closing: Cancellation) -> list[Result]:
        with (
            cancelled_by(closing),
            memory_errors_named("rendering turns"),
            self._stream.active(),
        ):
            return _render(self._models, self._states, jobs)


def _started_thread() -> ThreadPoolExecutor:
    """A thread that runs already: one that begins without memory dies, and its starter waits."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="render")
    thread.submit(bool).result()
    return thread


def _together(job: Job, other: Job) -> bool:
    """Whether jobs are rendered in one call: whole turns of the same options."""
    if job is other:
        return True
    if isinstance(job, ChunkJob) or isinstance(other, ChunkJob):
        return False
    return job.options.mode == "full" and job.options == other.options


def _render(models: Models, states: PromptStates, jobs: Sequence[Job]) -> list[Result]:
    """Render jobs that are rendered together."""
    job = jobs[0]
    if isinstance(job, ChunkJob):
        try:
            return [job.turn.render(job.chunk)]
        except NotFiniteError as error:
            return [error]
    if job.options.mode == "streaming":
        return [render_in_chunks(models, states, job)]
    return [*render(models, [each for each in jobs if isinstance(each, RenderJob)])]
