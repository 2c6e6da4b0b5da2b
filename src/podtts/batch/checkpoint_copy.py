"""A checkpoint on a machine that does not have it: fetched once, and found by its digest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from podtts.errors import ModelError
from podtts.weights.digest import checkpoint_digest
from podtts.weights.files import missing_files

_CHUNK_BYTES = 2**26

Read = Callable[[str, int, int], bytes]  # file, offset, bytes at most -> what stands there


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

    candidates: where it may stand. root: of the cache; copies are kept in `checkpoints/DIGEST`.
    sizes, read: its files, see `file_sizes` and `read_chunk`; asked for by one process a machine.
    Raises ModelError when what comes has another digest, or cannot be written.
    """
    shelf = root / "checkpoints"
    target = shelf / digest
    for directory in (*candidates, target):
        if _is(digest, directory, root):
            return directory
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        with FileLock(shelf / f"{digest}.lock"):
            if _is(digest, target, root):  # another process was faster
                return target
            shutil.rmtree(target, ignore_errors=True)
            coming = shelf / f"{digest}.part"
            shutil.rmtree(coming, ignore_errors=True)
            coming.mkdir()
            for name, size in sizes.items():
                _copy(coming / name, size, read)
            coming.replace(target)
    except OSError as error:
        raise ModelError(
            f"{shelf}: the checkpoint cannot be copied there: {error.strerror}",
            "choose another folder with --cache-dir",
        ) from error
    if not _is(digest, target, root):
        raise ModelError(f"{target} is not what was sent", "run the same command again")
    return target


def _copy(target: Path, size: int, read: Read) -> None:
    with target.open("xb") as file:
        for offset in range(0, size, _CHUNK_BYTES):
            file.write(read(target.name, offset, min(_CHUNK_BYTES, size - offset)))
        file.flush()
        os.fsync(file.fileno())


def _is(digest: str, directory: Path, root: Path) -> bool:
    if not directory.is_dir() or missing_files(directory):
        return False
    return checkpoint_digest(directory, root / "digests") == digest
