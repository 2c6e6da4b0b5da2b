"""Copies a checkpoint to a machine that lacks it, once, and finds it by its digest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from podtts.errors import ModelError
from podtts.storage.locks import file_lock
from podtts.weights.digest import checkpoint_digest
from podtts.weights.files import missing_files

_CHUNK_BYTES = 2**26

Read = Callable[[str, int, int], bytes]  # file, offset, bytes at most -> the bytes there


def file_sizes(directory: Path) -> dict[str, int]:
    """Names and bytes of a checkpoint's files."""
    return {
        path.name: path.stat().st_size for path in sorted(directory.iterdir()) if path.is_file()
    }


def read_chunk(directory: Path, name: str, offset: int, size: int) -> bytes:
    """Bytes of a file of a checkpoint."""
    with (directory / name).open("rb") as file:
        file.seek(offset)
        return file.read(size)


def copied_checkpoint(
    digest: str, candidates: Sequence[Path], root: Path, sizes: Mapping[str, int], read: Read
) -> Path:
    """The folder of a checkpoint on this machine: one that has its digest, else a copy.

    candidates: folders that may hold it. root: of the cache; copies go to `checkpoints/DIGEST`.
    sizes, read: its files, see `file_sizes` and `read_chunk`; one process a machine reads them.
    Raises ModelError when the copy has another digest or cannot be written.
    """
    copies = root / "checkpoints"
    target = copies / digest
    for directory in (*candidates, target):
        if _has_digest(digest, directory, root):
            return directory
    try:
        copies.mkdir(parents=True, exist_ok=True)
        with file_lock(copies / f"{digest}.lock"):
            if _has_digest(digest, target, root):  # another process was faster
                return target
            shutil.rmtree(target, ignore_errors=True)
            part = copies / f"{digest}.part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            for name, size in sizes.items():
                _copy(part / name, size, read)
            part.replace(target)
    except OSError as error:
        raise ModelError(
            f"{copies}: the checkpoint cannot be copied there: {error.strerror}",
            "choose another folder with --cache-dir",
        ) from error
    if not _has_digest(digest, target, root):
        raise ModelError(f"{target} is not what was sent", "run the same command again")
    return target


def _copy(target: Path, size: int, read: Read) -> None:
    with target.open("xb") as file:
        for offset in range(0, size, _CHUNK_BYTES):
            file.write(read(target.name, offset, min(_CHUNK_BYTES, size - offset)))
        file.flush()
        os.fsync(file.fileno())


def _has_digest(digest: str, directory: Path, root: Path) -> bool:
    if not directory.is_dir() or missing_files(directory):
        return False
    return checkpoint_digest(directory, root / "digests") == digest
