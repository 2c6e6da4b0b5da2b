"""Draws what the next steps learn from while a GPU computes this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import torch

_AHEAD = 3
T = TypeVar("T")


class Ahead(Generic[T]):
    """Calls a function of the progress a few steps ahead, on a thread; on a CPU, when asked."""

    def __init__(self, draw: Callable[[float], T], device: torch.device) -> None:
        self._draw = draw
        self._threads = None if device.type == "cpu" else ThreadPoolExecutor(1)
        self._drawn: deque[Future[T]] = deque()

    def __call__(self, progress: float) -> T:
        if self._threads is None:
            return self._draw(progress)
        while len(self._drawn) <= _AHEAD:
            self._drawn.append(self._threads.submit(self._draw, progress))
        return self._drawn.popleft().result()
