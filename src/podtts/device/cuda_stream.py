"""A stream of its own for a thread's work on a device, beside the work of other threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from podtts.device.placement import runs_streams_concurrently


class DeviceStream:
    """A stream for one thread's work; does nothing on devices without concurrent streams."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream: torch.cuda.Stream | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Run the work of the context on this stream, and wait for it at the end.

        The work's inputs must be computed before. Its results may be used on any stream afterwards.
        """
        if not runs_streams_concurrently(self.device):
            yield
            return
        if self._stream is None:
            self._stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(self._stream):
            yield
            self._stream.synchronize()
