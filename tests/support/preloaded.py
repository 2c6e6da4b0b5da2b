"""Libraries whose functions take the place of others in the programs that a test starts."""

import atexit
import functools
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from podtts.native.build import find_compiler


@functools.cache
def preloaded(source: Path) -> dict[str, str]:
    """Return the variable that loads a C file into a program; it is compiled once.

    Skips the test where no library can take the place of another.
    """
    compiler = find_compiler()
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    library = f"{folder.name}/{source.stem}.so"
    flags = ("-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC")
    subprocess.run([compiler, *flags, source, "-o", library, "-ldl"], check=True)
    return {"LD_PRELOAD": library}
