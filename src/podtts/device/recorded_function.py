"""A function of tensors that a device records once and repeats for others of the same shapes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

from podtts.device.cuda_graph import NotRecorded
from podtts.device.placement import runs_streams_concurrently


class Records(Protocol):
    """What `podtts.device.cuda_graph.Recorder` does."""

    def record(self, work: Callable[[], None]) -> Callable[[], None] | NotRecorded:
        """Record some work; return a function that repeats it on the same tensors."""


class Turns:
    """Lets threads use the same memory of a device in turn, whatever streams they work on."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._lock = threading.Lock()
        self._last: Any = None  # an event behind the last turn's work; None: there was none

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Within the context it is this thread's turn; the device waits for the turn before."""
        with self._lock:
            if not runs_streams_concurrently(self._device):
                yield
                return
            devices = torch.get_device_module(self._device)
            stream = devices.current_stream(self._device)
            if self._last is None:
                self._last = devices.Event()
            else:
                stream.wait_event(self._last)
            try:
                yield
            finally:
                self._last.record(stream)


class RecordedFunction:
    """A recorded function of tensors. One call at a time, see `Turns`.

    function: launches the same kernels for all tensors of the shapes and dtypes of `examples`.
    Raises NotRecordedError, torch.OutOfMemoryError.
    """

    def __init__(
        self,
        recorder: Records,
        function: Callable[..., Sequence[Tensor]],
        examples: Sequence[Tensor],
    ) -> None:
        self._inputs = [example.clone() for example in examples]
        self._outputs: Sequence[Tensor] = ()

        def work() -> None:
            self._outputs = function(*self._inputs)

        replay = recorder.record(work)
        if isinstance(replay, NotRecorded):
            raise NotRecordedError(replay.reason)
        self._replay = replay

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """Call the function; the results are the caller's."""
        _copy(self._inputs, list(inputs))
        self._replay()
        results = [torch.empty_like(output) for output in self._outputs]
        _copy(results, list(self._outputs))
        return results


def _copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    """Copy tensors in few launches, whatever their number."""
    if targets:
        torch._foreach_copy_(targets, sources)


class NotRecordedError(RuntimeError):
    """A device cannot record a function; the message says why."""
