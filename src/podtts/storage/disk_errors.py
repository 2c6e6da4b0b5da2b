"""What a user can do when the disk refuses a file: make room, or write to another place."""

import errno
import os
from pathlib import Path

from podtts.errors import DiskError
from podtts.storage.regular_files import is_device

_AGAIN = "then run the same command again"
_FULL = {errno.ENOSPC, errno.EDQUOT}  # no space, or the user's quota is used up
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def is_full(error: OSError) -> bool:
    """Whether the system refused to write because there is no room."""
    return error.errno in _FULL


def disk_error(path: Path | str, error: OSError, otherwise: str) -> DiskError:
    """Return the error for a file or folder that could not be written.

    otherwise: what helps when there is room: "choose another output file".
    """
    reason = error.strerror or str(error)
    return DiskError(f"{path}: cannot be written: {reason}", _hint(path, error, otherwise))


def _hint(path: Path | str, error: OSError, otherwise: str) -> str:
    if error.errno == errno.EDQUOT:
        return f"your quota on this disk is used up: make room, {_AGAIN}"
    if is_full(error) and is_device(Path(path)):
        return otherwise
    if is_full(error):
        return f"{_what_to_remove(Path(path))}, {_AGAIN}"
    if error.errno == errno.ENOENT:
        return "its folder was removed or moved while it was used: run the same command again"
    if error.errno == errno.ENOTDIR:
        return otherwise  # a file is where a folder would be
    if error.errno in _FORBIDDEN:
        return f"{otherwise}, or get the permission to write there"
    return f"check the disk, or {otherwise}"


def _what_to_remove(path: Path) -> str:
    """Say what to do on a full disk, which may have space but no room for the name of a file."""
    there = next((place for place in (path, *path.parents) if place.exists()), path)
    try:
        status = os.statvfs(there)
    except (OSError, AttributeError):  # Windows has no statvfs
        return "make room"
    if status.f_files and not status.f_favail and status.f_bavail:
        return "the disk has no room for more files: remove some"
    return "make room"
