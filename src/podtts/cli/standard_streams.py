"""Standard streams that are closed, or that nobody reads any more."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def mend_streams() -> None:
    """Let no command fail because of its messages. Call it before any file is opened.

    A closed stream leads nowhere from now on: else the next file that is opened would get its
    number, and messages of native code. Python's stdin and stdout stay None then, for commands
    that cannot work without. What stderr does not take is dropped: a result is worth more than
    the messages on the way to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed; the new one gets this number because all lower ones are open
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Messages(2, "w", closefd=False)),
        encoding,
        errors="backslashreplace",
        line_buffering=True,
    )


class _Messages(io.FileIO):
    """A stream whose reader may be gone, or whose disk may be full."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes
