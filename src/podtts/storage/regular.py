"""Reading what should be a plain file, whatever stands there: never waiting, never without end."""

import errno
import io
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NotRegularError(OSError):
    """A pipe, socket or device stands where a file should be, or the file is too large."""


def is_in_the_way(error: OSError) -> bool:
    """Return whether an error of `read_regular` tells of something that never becomes readable.

    Other errors, such as too many open files, leave it open whether the file is sound.
    """
    return isinstance(error, IsADirectoryError | NotRegularError) or error.errno == errno.ELOOP


def read_regular(path: Path, longest_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises NotRegularError for anything else (a pipe would be waited for, /dev/zero read for ever)
    and for a file larger than `longest_bytes`; IsADirectoryError for a folder; else OSError.
    """
    with _open_regular(path, longest_bytes) as file:
        return file.readall()


def map_regular(path: Path, longest_bytes: int) -> mmap.mmap:
    """Map a regular file into memory; writing to that memory does not change the file.

    Raises as `read_regular` does, and NotRegularError for an empty file.
    """
    with _open_regular(path, longest_bytes) as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except ValueError as error:
            raise NotRegularError(errno.EINVAL, "it is empty", str(path)) from error


@contextmanager
def _open_regular(path: Path, longest_bytes: int) -> Iterator[io.FileIO]:
    with io.FileIO(path, opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotRegularError(errno.EINVAL, "it is not a regular file", str(path))
        if status.st_size > longest_bytes:
            size = f"{longest_bytes / 2**20:g} MiB"
            raise NotRegularError(errno.EFBIG, f"it is larger than {size}", str(path))
        yield file


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a pipe, too, so that it is found out; regular files do not care."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
