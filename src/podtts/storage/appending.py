"""Appends lines to a file, each complete or not at all, as far as the disk allows."""

import contextlib
import os
from pathlib import Path

from podtts.storage.streams import WholeWriter


def open_to_append(path: Path) -> WholeWriter:
    """Open a file for `append_line`. Without a buffer: closing it cannot fail for want of room."""
    return WholeWriter(path, "ab")


def append_line(file: WholeWriter, line: bytes) -> int:
    """Append a line to a file, flush it to the disk, and return where it begins.

    line: without its end. Raises OSError, and then leaves no part of the line in the file.
    """
    position = file.seek(0, os.SEEK_END)
    try:
        file.write(line + b"\n")
        os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):  # the next reader cuts off the part of a line
            file.truncate(position)
        raise
    return position
