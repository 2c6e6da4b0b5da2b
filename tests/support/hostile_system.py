"""Systems without locks, without hard links, with a quota, or with a clock that jumps.

Their faults are made in the C library's place, so that code of every language meets them.
"""

import errno
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

WITHOUT_LOCKS = {"HOSTILE_LOCKS": str(errno.ENOLCK)}
WITHOUT_LINKS = {"HOSTILE_LINKS": str(errno.EPERM)}
CLOCK_THAT_JUMPS = {"HOSTILE_CLOCK": str(400 * 24 * 3600)}


def quota(size_bytes: int) -> dict[str, str]:
    """Let a process write this much to files, and no more."""
    return {"HOSTILE_QUOTA": str(size_bytes)}


def hostile_system(folder: Path, *faults: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command; skips the test where no program can be made hostile."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("needs Linux and a C compiler")
    library = folder / "hostile_system.so"
    source = Path(__file__).with_name("hostile_system.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    settings = {"LD_PRELOAD": str(library)}
    for fault in faults:
        settings |= fault
    return settings
