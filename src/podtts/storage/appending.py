"""Appends lines to a file, each complete or not at all, as far as the disk allows."""

import contextlib
import errno
import os
from io import FileIO
from pathlib import Path


def open_to_append(path: Path) -> FileIO:
    """Open a file for `append_line`. Without a buffer: closing it cannot fail for want of room."""
    return FileIO(path, "ab")


def append_line(file: FileIO, line: bytes) -> int:
    """Append a line to a file, flush it to the disk, and return where it begins.

    line: without its end. Raises OSError, and then leaves no part of the line in the file.
    """
    position = file.seek(0, os.SEEK_END)
    try:
        write_all(file, line + b"\n")
        os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):  # the next reader cuts off the part of a line
            file.truncate(position)
        raise
    return position


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of the data, although a disk that fills up may take a part of it and not fail.

    Raises OSError; BlockingIOError when a pipe that must not wait is full.
    """
    rest = memoryview(data)
    while rest:
        written = file.write(rest)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        rest = rest[written:]
