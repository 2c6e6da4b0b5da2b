"""Runs jobs on the engine, the oldest first, and writes them through the journals of `batch`.

Whatever ends the server, a job goes on behind its last stored turn when the next one starts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from podtts.batch.episode import BatchEpisode
from podtts.batch.task import Task
from podtts.engine.request import Event, Request, RequestFailed, RequestFinished, TurnFinished
from podtts.errors import OutOfMemoryError, PodttsError
from podtts.serve.api_error import SERVER, ApiError
from podtts.serve.engine_thread import EngineThread
from podtts.serve.job import Job, ended
from podtts.serve.job_store import JobStore, StoredJob
from podtts.values import SpeechTokens, TurnAudio

_SWEEP_SECONDS = 3600.0
_ATTEMPTS = 3  # of a job that memory was too short for


class _Stopped(Exception):  # noqa: N818 (it is no error)
    """The server stops; the job goes on in the next one."""


class _Yielded(Exception):  # noqa: N818 (it is no error)
    """Somebody who waits for sound gets the row of the job."""


class _Deleted(Exception):  # noqa: N818 (it is no error)
    """Somebody has deleted the job."""


class JobRunner:
    """Runs the jobs of a store. Of the event loop alone.

    task_of:    builds the task of a job; called in other threads. Raises ApiError, PodttsError.
    checkpoint: see podtts.episode.fingerprint.checkpoint_fingerprint. model: its name.
    rows:       jobs at a time; the other rows are left to those who wait for sound.
    live:       how many requests of others there are. A job gives up its row between two turns
                if they need it.
    keep_days:  after which a job that has ended is deleted.
    """

    def __init__(
        self,
        engine: EngineThread,
        store: JobStore,
        task_of: Callable[[StoredJob], Task],
        checkpoint: Mapping[str, Any],
        model: str,
        rows: int,
        live: Callable[[], int],
        keep_days: float,
    ) -> None:
        self._engine, self._store, self._task_of = engine, store, task_of
        self._checkpoint, self._model, self._keep_days = checkpoint, model, keep_days
        self._rows, self._live = asyncio.Semaphore(rows), live
        self._holding: set[str] = set()  # jobs that surely have a row of the engine
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Queue[Event | Exception]] = {}
        self._started: set[str] = set()  # those of `_running` that have a row
        self._is_stopping = False
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with all jobs that have not ended."""
        for stored in self._store.jobs.values():
            if stored.job.has_ended and not stored.events.has_ended:  # killed between the two
                await stored.events.append(_last_event(stored.job))
        for stored in self._store.waiting:
            self.run(stored)
        self._sweeping = asyncio.create_task(self._sweep())

    def run(self, stored: StoredJob) -> None:
        """Run a job as soon as there is room."""
        self._ends[stored.job.id] = asyncio.Queue()
        task = asyncio.create_task(self._run(stored))
        self._running[stored.job.id] = task
        task.add_done_callback(lambda done: self._forget(stored, done))

    async def delete(self, stored: StoredJob) -> None:
        """End a job and delete its text, its sound and all else."""
        name = stored.job.id
        self._store.forget(stored)
        if name in self._ends:
            self._ends[name].put_nowait(_Deleted())
        if (task := self._running.get(name)) is not None:
            if name not in self._started:
                task.cancel()
            await asyncio.wait({task})
        stored.events.tell({"type": "job.deleted"})
        await asyncio.to_thread(stored.folder.remove)

    async def stop(self, seconds: float) -> None:
        """Begin nothing more; turns that are being made are finished and stored, if in time."""
        self._is_stopping = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._running:
            await asyncio.wait({*self._running.values()}, timeout=seconds)
        for queue in self._ends.values():
            queue.put_nowait(_Stopped())
        if self._running:
            await asyncio.wait({*self._running.values()})
        for stored in self._store.jobs.values():
            stored.events.close()

    def _forget(self, stored: StoredJob, done: asyncio.Task[None]) -> None:
        """Note that nobody works on a job any more; a bug ends it for those who listen."""
        self._running.pop(stored.job.id, None)
        self._started.discard(stored.job.id)
        self._ends.pop(stored.job.id, None)
        if not done.cancelled() and done.exception() is not None:
            bug = ApiError(500, "this is a bug in podtts; the server's log says more", kind=SERVER)
            stored.job = ended(stored.job, time.time(), bug.body["error"])
            stored.events.tell(_last_event(stored.job))
            done.get_loop().call_exception_handler(
                {"message": f"{stored.job.id} has failed", "exception": done.exception()}
            )

    async def _run(self, stored: StoredJob) -> None:
        """Run a job to its end, whatever that is."""
        try:
            async with self._rows:
                self._started.add(stored.job.id)
                await self._run_in_a_row(stored)
        except (_Stopped, _Deleted):
            pass
        except ApiError as error:
            await self._close(stored, ended(stored.job, time.time(), error.body["error"]))
        except PodttsError as error:
            failure = ApiError.of(error).body["error"]
            await self._close(stored, ended(stored.job, time.time(), failure))

    async def _run_in_a_row(self, stored: StoredJob) -> None:
        self._check(stored)
        job = stored.job = replace(stored.job, state="running")
        await asyncio.to_thread(stored.folder.write, job)
        task = await asyncio.to_thread(self._task_of, stored)
        episode = await asyncio.to_thread(
            BatchEpisode,
            task,
            task.options,
            stored.folder.path,
            self._checkpoint,
            self._model,
            job.day,
        )
        try:
            await self._report_kept(stored, task, episode)
            if episode.remaining:
                await self._synthesize(stored, task, episode)
            outcome = await asyncio.to_thread(episode.finish)
        finally:
            if not episode.ended:
                await asyncio.to_thread(episode.stop)
        job = replace(stored.job, files=outcome.files, problems=outcome.problems)
        await self._close(stored, ended(job, time.time()))

    async def _report_kept(self, stored: StoredJob, task: Task, episode: BatchEpisode) -> None:
        """Report the turns that the journal has and that were not reported before a kill."""
        known = stored.events.turns
        for index, kept in episode.kept.items():
            if index + 1 not in known:
                await stored.events.append(_turn(task, index, kept.tokens, kept.problems))

    async def _synthesize(self, stored: StoredJob, task: Task, episode: BatchEpisode) -> None:
        finished: dict[int, SpeechTokens] = {}
        attempts = 0
        while True:
            try:
                await self._follow(stored, task, episode, episode.request(finished), finished)
            except _Yielded:
                continue  # behind those who wait
            except OutOfMemoryError:
                if (attempts := attempts + 1) == _ATTEMPTS:
                    raise
            else:
                return

    async def _follow(
        self,
        stored: StoredJob,
        task: Task,
        episode: BatchEpisode,
        request: Request,
        finished: dict[int, SpeechTokens],
    ) -> None:
        """Write the turns of a request as they come. Raises what ends it early."""
        loop, queue = asyncio.get_running_loop(), self._ends[stored.job.id]

        def deliver(event: Event) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(queue.put_nowait, event)

        self._engine.add(request, deliver)
        try:
            while True:
                event = await queue.get()
                if isinstance(event, Exception):
                    raise event
                if event.request is not request:
                    continue  # of the step in which the job gave up its row
                if isinstance(event, RequestFinished):
                    return
                if isinstance(event, RequestFailed):
                    raise event.error
                if isinstance(event, TurnFinished):
                    await self._write(stored, task, episode, event.audio)
                    finished[event.audio.index] = event.audio.tokens
                    self._holding.add(stored.job.id)
                    self._check(stored)
                    if len(finished) < episode.remaining:
                        self._yield_row()
        finally:
            self._holding.discard(stored.job.id)
            self._engine.cancel(request)

    async def _write(
        self, stored: StoredJob, task: Task, episode: BatchEpisode, audio: TurnAudio
    ) -> None:
        await asyncio.to_thread(episode.add, audio)
        await stored.events.append(_turn(task, audio.index, audio.tokens, audio.problems))

    def _yield_row(self) -> None:
        """Raise _Yielded if others need the row."""
        if self._live() + len(self._holding) > self._engine.rows:
            raise _Yielded

    def _check(self, stored: StoredJob) -> None:
        """Raise what ends a job between two of its turns."""
        if self._is_stopping:
            raise _Stopped
        if stored.job.id not in self._store.jobs:
            raise _Deleted

    async def _close(self, stored: StoredJob, job: Job) -> None:
        """Write that a job has ended. Where the disk refuses that, those who listen are told."""
        event = _last_event(job)
        try:
            await asyncio.to_thread(stored.folder.end, job)
            stored.job = job
            await stored.events.append(event)
        except PodttsError:
            stored.job = job
            stored.events.tell(event)

    async def _sweep(self) -> None:
        """Delete jobs that were kept for long enough, again and again."""
        while True:
            for stored in self._store.older_than(self._keep_days):
                await self.delete(stored)
            await asyncio.sleep(_SWEEP_SECONDS)


def _last_event(job: Job) -> Mapping[str, Any]:
    """The event that says how a job has ended."""
    if job.error:
        return {"type": "job.failed", "error": job.error}
    return {"type": "job.done", "files": [*job.files]}


def _turn(
    task: Task, index: int, tokens: SpeechTokens, problems: tuple[str, ...]
) -> Mapping[str, Any]:
    """The event of a turn that is stored."""
    turn = task.script.turns[index]
    return {
        "type": "job.turn",
        "turn": index + 1,
        "speaker": task.script.labels[turn.speaker],
        "voice": task.prompts[turn.speaker].name,
        "text": turn.shown,
        "seconds": tokens.seconds,
        "problems": [*problems],
    }
