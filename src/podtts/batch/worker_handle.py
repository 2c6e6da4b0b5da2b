"""Workers as the dispatcher sees them: they take tasks, they answer, and they can die."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from podtts.batch.task import Outcome, Ready, Task


class WorkerDiedError(Exception):
    """A worker ended with this task in its hands; another can do it again."""


class WorkerHandle(Protocol):
    """One loaded checkpoint somewhere: in a process of this machine, or in an actor of a cluster.

    Futures raise WorkerDiedError when the worker is gone, and another error of podtts when no
    worker could do what is asked.
    """

    def ready(self) -> Future[Ready]:
        """How many tasks it speaks side by side, known when it has its models."""

    def speak(self, task: Task) -> Future[Outcome]:
        """Give it a task."""

    def drain(self) -> None:
        """Let it end the turns being spoken; it answers all tasks it has, and takes no others."""

    def close(self) -> None:
        """End it."""
