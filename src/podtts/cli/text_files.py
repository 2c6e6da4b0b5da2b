"""Text that a command writes to a file of the user's choice, checked before the work begins."""

from __future__ import annotations

import os
from pathlib import Path

from podtts.errors import UsageError


def check_text_file(path: Path) -> None:
    """Raise UsageError for a file that cannot be written."""
    from podtts.storage.permissions import is_read_only

    if path.is_dir():
        raise UsageError(f"{path} is a folder", "name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", f"run: mkdir -p {path.parent}")
    for place in (path, path.parent):
        if is_read_only(place):
            raise UsageError(f"{place} is read-only", "name another file")


def write_text_file(path: Path, text: str) -> None:
    """Replace a file in one step, or write to a pipe or a device.

    Raises DiskError if it cannot be written, UsageError if nobody reads from the pipe.
    """
    from podtts.storage.atomic import write_atomically
    from podtts.storage.disk_errors import disk_error
    from podtts.storage.permissions import check_replaceable
    from podtts.storage.regular_files import is_device
    from podtts.storage.streams import open_stream

    try:
        if is_device(path):
            with open_stream(path) as stream:
                stream.write(text.encode())
        else:
            check_replaceable(path)
            write_atomically(Path(os.path.realpath(path)), text.encode())
    except OSError as error:
        raise disk_error(path, error, "choose another file") from error
