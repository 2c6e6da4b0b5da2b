"""A disk as small as a test likes: a file system in memory that only the test's commands see.

It is mounted in a namespace of its own, so it needs Linux, and root or the permission to be root in
a namespace. Elsewhere its tests are skipped.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

_FILLER = ".filler"
_BLOCK_BYTES = 4096


@dataclass(frozen=True)
class SmallDisk:
    """A mounted disk.

    inside:     its folder, as commands see it that run in its namespaces.
    outside:    the same folder, as the test sees it.
    namespaces: files of the namespaces that it is mounted in.
    """

    inside: Path
    outside: Path
    namespaces: tuple[str, ...]

    def fill(self, spare_bytes: int = 0) -> None:
        """Leave room for this many bytes, rounded down to blocks."""
        with (self.outside / _FILLER).open("wb", buffering=0) as file:
            status = os.fstatvfs(file.fileno())
            blocks = status.f_bavail * status.f_frsize // _BLOCK_BYTES - spare_bytes // _BLOCK_BYTES
            for _ in range(blocks):
                file.write(bytes(_BLOCK_BYTES))

    def make_room(self) -> None:
        """Undo `fill`."""
        (self.outside / _FILLER).unlink()

    def remount(self, options: str) -> None:
        """Change the options of the disk, for example to `ro`."""
        enter = [f"--{Path(file).name.replace('mnt', 'mount')}={file}" for file in self.namespaces]
        change = ["mount", "-o", f"remount,{options}", str(self.inside)]
        subprocess.run(["nsenter", "--preserve-credentials", *enter, "--", *change], check=True)


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[SmallDisk]:
    """Mount a disk on an empty folder, which is created; skips the test where that is impossible.

    options: of tmpfs, such as `size=1m` and `nr_inodes=20`.
    """
    if (namespace := _namespace()) is None:
        pytest.skip("needs to mount file systems: Linux, and root or user namespaces")
    folder.mkdir()
    mount = 'mount -t tmpfs -o "$1" small "$2" && echo mounted && exec cat'
    with subprocess.Popen(
        [*namespace, "sh", "-c", mount, "sh", options, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mounted\n"
        kinds = ("user", "mnt") if "--user" in namespace else ("mnt",)
        process = f"/proc/{holder.pid}"
        entries = tuple(f"{process}/ns/{kind}" for kind in kinds)
        # The namespace ends with its last process: at the end of the block, when stdin is closed.
        yield SmallDisk(folder, Path(f"{process}/root{folder}"), entries)


@cache
def _namespace() -> tuple[str, ...] | None:
    """Return how a program is started in a namespace in which it may mount, if that is possible."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return None
    for command in (("unshare", "--mount"), ("unshare", "--mount", "--user", "--map-root-user")):
        probe = [*command, "mount", "-t", "tmpfs", "probe", "/mnt"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return command
    return None
