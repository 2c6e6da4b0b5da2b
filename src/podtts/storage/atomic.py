"""Writes files atomically: readers, and a crash, see the old content or the new, never a part."""

import contextlib
import os
import secrets
import time
from pathlib import Path

_PREFIX, _SUFFIX = ".podtts-", ".tmp"

# A writer uses a temporary file for seconds. One this old belongs to a writer that was killed.
STALE_SECONDS = 24 * 3600.0


def write_atomically(path: Path, *parts: bytes | bytearray | memoryview) -> None:
    """Replace the content of a file in one step that survives a power failure; creates its folder.

    The content (all parts, concatenated) is first written to a hidden file beside it, with a name
    of its own, so several processes may write at once; the last one wins. Raises OSError, and then
    leaves the old file unchanged.
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
        with contextlib.suppress(OSError):  # renamed; or another error is the one to report
            temporary.unlink()
    sync_folder(path.parent)


def stale_temporaries(folder: Path) -> list[Path]:
    """Return the temporary files in a folder that killed writers have left."""
    limit = time.time() - STALE_SECONDS
    stale = []
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # removed in the meantime
            if path.lstat().st_mtime < limit:
                stale.append(path)
    return stale


def sweep_temporaries(folder: Path) -> None:
    """Remove the temporary files in a folder that killed writers have left, where possible."""
    for path in stale_temporaries(folder):
        with contextlib.suppress(OSError):
            path.unlink()


def sync_folder(folder: Path) -> None:
    """Make a rename durable; without this, a power failure can restore the old name, empty.

    Failing is no error (Windows cannot open folders, some network disks cannot sync them, the
    process may have too many open files): the new content is in place anyway.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
