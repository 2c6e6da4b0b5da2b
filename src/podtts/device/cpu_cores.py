"""Shares a CPU's cores between compiled kernels that run at once: of LLM, flow and vocoder.

While both run, each has half of the cores: their results have the same bits with any number of
threads. The last bits of torch's results depend on the number of threads, so torch's work runs
alone and has all cores.
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
        """Set the number of threads it uses from now on, also while it runs."""


class Cores:
    """Who uses the cores of the CPU now: kernels that share them, or one exclusive user."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: list[ThreadPoolKernel] = []
        self._exclusive = 0  # users that have all cores or wait for them

    @contextmanager
    def shared_by(self, kernel: ThreadPoolKernel) -> Iterator[None]:
        """Run a kernel within the context, possibly beside others; each has its share of cores.

        Waits for exclusive users.
        """
        try:  # from the start: a signal may raise an exception anywhere
            with self._changed:
                self._changed.wait_for(lambda: not self._exclusive)
                self._running.append(kernel)
                self._divide()
            yield
        finally:
            with self._changed:
                if kernel in self._running:
                    self._running.remove(kernel)
                self._divide()
                self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let no kernel run within the context. Waits for those that run now."""
        with self._changed:
            self._exclusive += 1
            self._changed.wait_for(lambda: not self._running)
        try:
            yield
        finally:
            with self._changed:
                self._exclusive -= 1
                self._changed.notify_all()

    def _divide(self) -> None:
        threads = max(1, torch.get_num_threads() // max(1, len(self._running)))
        for kernel in self._running:
            kernel.set_threads(threads)


CORES = Cores()


def all_cores(device: torch.device) -> AbstractContextManager[None]:
    """Context in which torch works with all cores; on other devices it does nothing."""
    return CORES.exclusive() if device.type == "cpu" else nullcontext()
