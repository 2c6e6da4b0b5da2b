"""Whether a user may replace a file, or add one to a folder.

A file that is complete under a hidden name can be renamed onto a read-only file: only its folder
must be writable. So whoever writes that way asks here before.
"""

import errno
import os
from pathlib import Path

_WRITE_BITS = 0o222


def is_read_only(path: Path) -> bool:
    """Whether a file or folder is there that this user may not write.

    Also a file that nobody may write: root could, but its owner has protected it.
    """
    try:
        mode = path.stat().st_mode
    except OSError:  # not there, or not to be seen: whoever writes learns why
        return False
    return (path.is_file() and not mode & _WRITE_BITS) or not os.access(path, os.W_OK)


def check_folder_writable(folder: Path) -> None:
    """Raise PermissionError if nothing can be added to a folder, or if it cannot be created.

    The error names the folder that is read-only.
    """
    there = next((place for place in (folder, *folder.absolute().parents) if place.exists()), None)
    if there is not None and is_read_only(there):
        raise PermissionError(errno.EACCES, f"{there} is read-only", str(there))


def check_replaceable(path: Path) -> None:
    """Raise PermissionError for a file that is read-only."""
    if path.is_file() and is_read_only(path):
        raise PermissionError(errno.EACCES, f"{path.name} is read-only", str(path))
