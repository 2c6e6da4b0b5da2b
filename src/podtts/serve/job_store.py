"""All jobs of a server, in one folder that one server uses at a time."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import Timeout

from podtts.errors import InputError, UsageError
from podtts.serve.api_error import ApiError
from podtts.serve.job import Job, JobFolder
from podtts.serve.job_events import JobEvents
from podtts.storage.disk_errors import disk_error
from podtts.storage.locks import file_lock
from podtts.values import SpeakerPrompt

_SECONDS_PER_DAY = 86_400.0
_LONGEST_KEY = 255  # characters


class StoredJob:
    """A job that is on disk, with its events."""

    def __init__(self, job: Job, folder: JobFolder) -> None:
        self.job, self.folder = job, folder
        self.events = JobEvents(folder.path)


class JobStore:
    """The jobs by id. Of the event loop alone, but for what says otherwise."""

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self._root = root
        self.jobs: dict[str, StoredJob] = {}
        found = []
        for folder in sorted(root.iterdir()):
            if folder.is_dir():
                try:
                    found.append(StoredJob(JobFolder(folder).read(), JobFolder(folder)))
                except InputError as error:
                    warn(f"{error.problem}; {error.hint}")
        for stored in sorted(found, key=lambda each: each.job.created):
            self.jobs[stored.job.id] = stored

    @property
    def waiting(self) -> list[StoredJob]:
        """The jobs that have not ended, the oldest first."""
        return [stored for stored in self.jobs.values() if not stored.job.has_ended]

    def find(self, name: str) -> StoredJob:
        """The job of an id. Raises ApiError."""
        stored = self.jobs.get(name)
        if stored is None:
            raise ApiError(404, "there is no such job", code="job_not_found")
        return stored

    def same(self, key: str, body_sha256: str) -> StoredJob | None:
        """The job that an earlier request with this Idempotency-Key has made; None: there is none.

        Raises ApiError for a key of another request, or one that is too long.
        """
        if len(key) > _LONGEST_KEY:
            raise ApiError(400, f"an Idempotency-Key has at most {_LONGEST_KEY} characters")
        for stored in self.jobs.values() if key else ():
            if stored.job.key == key:
                if stored.job.body_sha256 == body_sha256:
                    return stored
                raise ApiError(
                    409, "this Idempotency-Key belongs to another request", code="key_reused"
                )
        return None

    def write_new(
        self,
        request: Mapping[str, Any],
        prompts: Sequence[SpeakerPrompt],
        turns: int,
        day: str,
        key: str,
    ) -> Job:
        """Put a new job on the disk; any thread may call this. Raises DiskError."""
        job = Job(
            id=f"job_{secrets.token_hex(12)}",
            created=time.time(),
            day=day,
            request=request,
            turns=turns,
            key=key,
            body_sha256=body_digest(request),
        )
        folder = JobFolder(self._root / job.id)
        folder.write_prompts(prompts)
        folder.write(job)  # last: without it there is no job
        return job

    def add(self, job: Job) -> StoredJob:
        """Take a job that `write_new` has written."""
        stored = self.jobs[job.id] = StoredJob(job, JobFolder(self._root / job.id))
        return stored

    def forget(self, stored: StoredJob) -> None:
        """Take a job out; its files are the caller's."""
        self.jobs.pop(stored.job.id, None)

    def older_than(self, days: float) -> list[StoredJob]:
        """The jobs that have ended so many days ago."""
        limit = time.time() - days * _SECONDS_PER_DAY
        return [
            stored
            for stored in self.jobs.values()
            if stored.job.has_ended and stored.job.finished < limit
        ]


def body_digest(request: Mapping[str, Any]) -> str:
    """SHA-256 of a request, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


@contextmanager
def locked_folder(root: Path) -> Iterator[None]:
    """Make the folder of jobs, and keep other servers out of it. Raises UsageError, DiskError."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = file_lock(root / "lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(
            f"another server uses the jobs in {root}", "give each server its own --jobs DIR"
        ) from None
    except OSError as error:
        raise disk_error(root, error, "choose another folder with --jobs") from error
    try:
        yield
    finally:
        lock.release()
