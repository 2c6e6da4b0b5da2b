"""Work that a device records once and repeats without the host: CUDA graphs.

One launch then stands for thousands of kernels, which is what a small decode step is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

_WARM_UPS = 2  # libraries choose kernels and take memory in their first calls


@dataclass(frozen=True)
class NotRecorded:
    """Why a device cannot record what it was given."""

    reason: str


class Recorder:
    """Records on one queue of a device, as libraries keep memory for every queue they ever saw."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream: torch.cuda.Stream | None = None

    def record(self, work: Callable[[], None]) -> Callable[[], None] | NotRecorded:
        """Return what repeats some work on the tensors it used; the work is done, more than once.

        work: the same kernels on the same memory every time, and no number asked of the device.
        Nothing else may run on the device meanwhile. Raises torch.OutOfMemoryError.
        """
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
            with torch.cuda.graph(graph, stream=stream):
                work()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            return NotRecorded(str(error).splitlines()[0])
        finally:
            torch.cuda.set_stream(before)  # a recording that fails leaves its own behind
            before.wait_stream(stream)
        return graph.replay


def why_not_recorded(device: torch.device) -> str | None:
    """What keeps a device that `has_graphs` from it; None: nothing does."""
    number = torch.zeros(1, device=device)

    def count() -> None:
        number.add_(1)

    replay = Recorder(device).record(count)
    if isinstance(replay, NotRecorded):
        return replay.reason
    before = float(number)
    replay()
    return None if float(number) == before + 1 else "what was recorded does not repeat"
