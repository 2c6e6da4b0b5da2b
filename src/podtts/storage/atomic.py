"""Writing a file so that a reader, or a crash, sees the old content or the new, never a part."""

import contextlib
import os
import secrets
import time
from pathlib import Path

_PREFIX, _SUFFIX = ".podtts-", ".tmp"

# A writer needs a temporary file for seconds; one this old was left by a writer that was killed.
STALE_SECONDS = 24 * 3600.0


def write_atomically(path: Path, *parts: bytes | bytearray | memoryview) -> None:
    """Give a file new content in one step that survives a loss of power; makes its folder.

    The content (all parts, one behind the other) is written to a hidden sibling of its own name
    first, so any number of processes may write at once, and the last one wins. Raises OSError; the
    old file then stands as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}")
    try:
        with temporary.open("xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # gone after the rename; else nothing may hide its error
            temporary.unlink()
    sync_folder(path.parent)


def stale_temporaries(folder: Path) -> list[Path]:
    """Return the temporary files in a folder that no writer can need any more."""
    newest = time.time() - STALE_SECONDS
    stale = []
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # gone in between
            if path.lstat().st_mtime < newest:
                stale.append(path)
    return stale


def sweep_temporaries(folder: Path) -> None:
    """Remove the temporary files in a folder that no writer can need any more, if that works."""
    for path in stale_temporaries(folder):
        with contextlib.suppress(OSError):
            path.unlink()


def sync_folder(folder: Path) -> None:
    """Make a rename durable: without this a loss of power can bring the old name back, empty.

    Where it does not work (folders cannot be opened on Windows, nor synced on some network disks,
    nor when no file more may be opened) the new content stands there all the same.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
