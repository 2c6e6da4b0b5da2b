"""Work that a device records once and repeats without the host: CUDA graphs.

A small decode step is made of thousands of kernels. A graph launches them all with one call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import torch

_WARM_UPS = 2  # in their first calls libraries choose kernels and allocate memory
_RECORDING = threading.Lock()  # one thread at a time: a recording begins by waiting for the device


@dataclass(frozen=True)
class NotRecorded:
    """Why a device cannot record some work."""

    reason: str


class Recorder:
    """Records on one stream of a device: libraries keep memory for every stream they ever used."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream: torch.cuda.Stream | None = None

    def record(self, work: Callable[[], None]) -> Callable[[], None] | NotRecorded:
        """Record some work; return a function that repeats it on the same tensors.

        work: launches the same kernels on the same memory every time and copies no number to the
              host. Recording does the work more than once.
        Other threads may use the device meanwhile, on other streams. By default CUDA would refuse
        them calls such as allocating memory, and end the recording; so only this thread's count.
        Raises torch.OutOfMemoryError.
        """
        with _RECORDING:
            return self._record(work)

    def _record(self, work: Callable[[], None]) -> Callable[[], None] | NotRecorded:
        if self._stream is None:
            self._stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        graph, stream = torch.cuda.CUDAGraph(), self._stream
        before = torch.cuda.current_stream(self.device)
        stream.wait_stream(before)
        try:
            with torch.cuda.stream(stream):
                for _ in range(_WARM_UPS):
                    work()
            stream.synchronize()
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                work()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            return NotRecorded(str(error).splitlines()[0])
        finally:
            torch.cuda.set_stream(before)  # a failed recording leaves its own stream current
            before.wait_stream(stream)
        return graph.replay


def why_not_recorded(device: torch.device) -> str | None:
    """Why a device that `has_graphs` cannot record; None: it can."""
    number = torch.zeros(1, device=device)

    def count() -> None:
        number.add_(1)

    replay = Recorder(device).record(count)
    if isinstance(replay, NotRecorded):
        return replay.reason
    before = float(number)
    replay()
    return None if float(number) == before + 1 else "a recorded addition was not repeated"
