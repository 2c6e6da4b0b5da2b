"""What a call of compiled code has come to, as an exception."""

from __future__ import annotations

from podtts.device.cancellation import Cancelled
from podtts.native.library import CANCELLED, OUT_OF_MEMORY, REFUSED


def check_result(result: int) -> None:
    """Raise what the result of a call says: MemoryError, ValueError or Cancelled; 0: nothing."""
    if result == OUT_OF_MEMORY:
        raise MemoryError
    if result == REFUSED:
        raise ValueError("compiled code does not take these sizes")
    if result == CANCELLED:
        raise Cancelled
    assert result == 0
