"""Takes the network from processes, and records which names and addresses they want to reach."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("no_network.c")


class NoNetwork:
    """env: for a process; it and its children reach nothing beyond this machine."""

    def __init__(self, folder: Path) -> None:
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if sys.platform != "linux" or compiler is None:
            pytest.skip("needs Linux and a C compiler")
        library, self._log = folder / "no_network.so", folder / "wanted"
        flags = ("-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
        subprocess.run([compiler, *flags, _SOURCE, "-o", library], check=True)
        self.env: Mapping[str, str] = {"LD_PRELOAD": str(library), "WANTED": str(self._log)}

    def wanted(self) -> set[str]:
        """Return the names and addresses since the last call."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return set(lines)
