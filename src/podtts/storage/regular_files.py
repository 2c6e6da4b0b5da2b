"""Reads regular files only: never waits for a pipe, never reads an endless device."""

import errno
import io
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NotRegularError(OSError):
    """The path is not a regular file but a pipe, socket or device; or the file is too large."""


def is_unusable(error: OSError) -> bool:
    """Return whether an error of `read_regular` means that the path can never be read.

    After other errors, such as too many open files, the file may still be valid.
    """
    return isinstance(error, IsADirectoryError | NotRegularError) or error.errno == errno.ELOOP


def is_device(path: Path) -> bool:
    """Whether a path is a pipe, socket or device, which a file must not replace."""
    return path.exists() and not path.is_file() and not path.is_dir()


def read_regular(path: Path, longest_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises NotRegularError for other kinds (reading a pipe would wait, reading /dev/zero never
    ends) and for a file larger than `longest_bytes`; IsADirectoryError for a folder; else OSError.
    """
    with _open_regular(path, longest_bytes) as file:
        return file.readall()


def check_entries(folder: Path) -> None:
    """Raise NotRegularError for an entry that is neither a file nor a folder, else OSError.

    To open such an entry may wait for ever.
    """
    for path in sorted(folder.iterdir()):
        if is_device(path):
            raise NotRegularError(errno.EINVAL, "it is not a regular file", str(path))


def map_regular(path: Path, longest_bytes: int) -> mmap.mmap:
    """Map a regular file into memory. Writing to that memory does not change the file.

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
    """Open a pipe without waiting, so that its kind can be checked."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
