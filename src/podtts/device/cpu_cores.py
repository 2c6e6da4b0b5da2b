"""A CPU's cores between two that want them at once: the LLM's compiled layers and the flow's.

While both work, each has half of the cores; what each computes is the same to the bit with any
number of threads. Work of torch, whose last bits depend on the number of its threads, has all cores
for itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import torch


class ThreadPoolKernel(Protocol):
    """Compiled code with threads of its own."""

    def set_threads(self, threads: int) -> None:
        """Use so many threads from now on, also in the middle of a call."""


class Cores:
    """Who works now."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._working: list[ThreadPoolKernel] = []
        self._alone = 0  # who has all cores for himself, or waits for them

    @contextmanager
    def shared_by(self, worker: ThreadPoolKernel) -> Iterator[None]:
        """While `worker` works; others may, too."""
        try:  # from the start: a signal may end this thread's work anywhere
            with self._changed:
                self._changed.wait_for(lambda: not self._alone)
                self._working.append(worker)
                self._divide()
            yield
        finally:
            with self._changed:
                if worker in self._working:
                    self._working.remove(worker)
                self._divide()
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody else works."""
        with self._changed:
            self._alone += 1
            self._changed.wait_for(lambda: not self._working)
        try:
            yield
        finally:
            with self._changed:
                self._alone -= 1
                self._changed.notify_all()

    def _divide(self) -> None:
        threads = max(1, torch.get_num_threads() // max(1, len(self._working)))
        for worker in self._working:
            worker.set_threads(threads)


CORES = Cores()


def all_cores(device: torch.device) -> AbstractContextManager[None]:
    """While torch works with all cores, if that is what the device is."""
    return CORES.alone() if device.type == "cpu" else nullcontext()
