"""Systems without locks, without hard links, with a quota, or with a clock that jumps.

Their faults are made in the C library's place, so that code of every language meets them.
"""

import errno
from collections.abc import Mapping
from pathlib import Path

from support.preloaded import preloaded

WITHOUT_LOCKS = {"HOSTILE_LOCKS": str(errno.ENOLCK)}
WITHOUT_LINKS = {"HOSTILE_LINKS": str(errno.EPERM)}
CLOCK_THAT_JUMPS = {"HOSTILE_CLOCK": str(400 * 24 * 3600)}


def quota(size_bytes: int) -> dict[str, str]:
    """Let a process write this much to files, and no more."""
    return {"HOSTILE_QUOTA": str(size_bytes)}


def hostile_system(*faults: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command; skips the test where no program can be made hostile."""
    settings = {**preloaded(Path(__file__).with_suffix(".c"))}
    for fault in faults:
        settings |= fault
    return settings
