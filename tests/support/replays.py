"""Stands in for a device that records: what was recorded is done again, on the same tensors."""

from collections.abc import Callable

from podtts.device.cuda_graph import NotRecorded


class Replays:
    """A recorder for the CPU.

    refused: why it records nothing; empty: it does.
    """

    def __init__(self, refused: str = "") -> None:
        self.refused = refused
        self.recorded = 0

    def record(self, work: Callable[[], None]) -> Callable[[], None] | NotRecorded:
        work()
        if self.refused:
            return NotRecorded(self.refused)
        self.recorded += 1
        return work
