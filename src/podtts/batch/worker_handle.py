"""Workers as the dispatcher sees them: they take tasks, they answer, and they can die."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from podtts.batch.task import Outcome, Ready, Task


class WorkerDiedError(Exception):
    """A worker ended before it answered a task; another worker can do the task again."""


class WorkerHandle(Protocol):
    """A loaded checkpoint: in a process of this machine, or in an actor of a cluster.

    The futures raise WorkerDiedError when the worker has died, and another error of podtts when no
    worker could do the work.
    """

    def ready(self) -> Future[Ready]:
        """How many tasks the worker runs at a time, known when it has loaded the models."""

    def submit(self, task: Task) -> Future[Outcome]:
        """Add a task."""

    def drain(self) -> None:
        """Finish the turns in progress and begin no others; all tasks get their outcomes."""

    def close(self) -> None:
        """End the worker."""
