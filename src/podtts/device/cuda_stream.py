"""Two queues of work on one device: what one thread gives it need not wait for another's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from podtts.device.placement import runs_streams_concurrently


class DeviceQueue:
    """A queue for one thread; on devices that have but one, that."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream: torch.cuda.Stream | None = None

    @contextmanager
    def used(self) -> Iterator[None]:
        """Work in it until all that was given to it is done; nothing waits for other queues.

        What it uses must be there already; what it computes may be used anywhere afterwards.
        """
        if not runs_streams_concurrently(self.device):
            yield
            return
        if self._stream is None:
            self._stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        with torch.cuda.stream(self._stream):
            yield
            self._stream.synchronize()
