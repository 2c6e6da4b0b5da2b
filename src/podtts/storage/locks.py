"""Locks that one process holds at a time, also on disks whose file system has none."""

import errno
import tempfile
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock

# What `flock` fails with where the file system has no locks: some network disks and FUSE.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


def file_lock(path: Path) -> BaseFileLock:
    """Return a lock that is not held yet; any thread may release it. Raises OSError.

    On a disk without locks, the file itself is the lock: it names its holder, and a process of this
    machine that was killed holds it no longer.
    """
    kind = FileLock if _has_locks(path.parent) else SoftFileLock
    return kind(path, thread_local=False)


def _has_locks(folder: Path) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows, where all disks have locks
        return True
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _NO_LOCKS
    return True
