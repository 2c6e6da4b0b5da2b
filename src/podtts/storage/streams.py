"""Writes to pipes and devices as the data comes, and waits for no reader for ever."""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from podtts.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_READER_SECONDS = 10.0  # a reader that is started together with podtts is there long before
_POLL_SECONDS = 0.05


class WholeWriter(io.FileIO):
    """A file or a stream whose writes are complete and have no buffer.

    What a buffer holds would be written when it is closed: there may be no room for it, or a reader
    that does not read would hold up the end of a run.
    """

    def write(self, data: ReadableBuffer) -> int:
        """Write all bytes, although a disk that fills up may take a part of them and not fail.

        Waits for a reader that is slow. Raises OSError; BlockingIOError when a pipe that must not
        wait is full.
        """
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            written = super().write(rest)
            if written is None:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            rest = rest[written:]
        return size


def open_stream(
    path: Path, *, append: bool = False, patience_seconds: float = _READER_SECONDS
) -> WholeWriter:
    """Open a pipe, a device or a file to write to it; a file is created, or emptied.

    append:           write behind what a file has.
    patience_seconds: how long to wait for somebody who reads a named pipe.
    Raises UsageError when nobody reads the pipe, and OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    give_up = time.monotonic() + patience_seconds
    while True:
        try:
            # Without waiting: the system would wait for a reader for ever.
            descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() >= give_up:
                raise UsageError(
                    f"nobody reads from the pipe {path}", "start the program that reads it first"
                ) from error
            time.sleep(_POLL_SECONDS)
        else:
            os.set_blocking(descriptor, True)
            return WholeWriter(descriptor, "wb")


def rewritable_position(stream: BinaryIO) -> int | None:
    """Return where in a file the next byte goes, if that byte can be written again later.

    Returns None for a pipe, a device and what is no file of the system, and for a file that is open
    to append: there, every write goes to the end.
    """
    try:
        descriptor = stream.fileno()
        status = os.fstat(descriptor)
    except OSError:  # a stream in memory has no descriptor
        return None
    if not stat.S_ISREG(status.st_mode) or _appends(descriptor):
        return None
    return os.lseek(descriptor, 0, os.SEEK_CUR)


def _appends(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: nobody can tell
        return True
    return bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND)


def takes_more(stream: io.FileIO) -> bool:
    """Whether a short write would not have to wait for a reader."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(stream, select.POLLOUT)
    return bool(poll.poll(0))
