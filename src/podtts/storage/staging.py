"""Publishes several files and folders together, when all of them are complete."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from podtts.storage.atomic import sync_folder
from podtts.storage.permissions import check_replaceable

_HIDDEN = ".podtts-*.part*"
_NAME_CHARACTERS = 40  # of the target's name in the hidden name, which error messages may show


class Staging:
    """Collects new content under hidden names, and renames all of it at the end of a `with` block.

    If the block fails, nothing new is left and every old file is unchanged. Raises OSError; also
    for a file that is read-only, although a rename could replace it.
    work_folder: a folder that only this process uses now. It holds the hidden files of targets
                 beside it, and leftovers of a killed process in it are removed first. All other
                 hidden files are beside their targets.
    """

    def __init__(self, work_folder: Path | None = None) -> None:
        self._work_folder = work_folder and Path(os.path.realpath(work_folder))
        self._token = f"podtts-{os.getpid()}-{secrets.token_hex(4)}"
        self._staged: list[tuple[Path, Path]] = []

    def __enter__(self) -> Self:
        for leftover in self._work_folder.glob(_HIDDEN) if self._work_folder else ():
            _remove(leftover)
        return self

    def path_for(self, target: Path) -> Path:
        """Return the hidden path where the caller writes the content of a target file or folder."""
        target = Path(os.path.realpath(target))  # a link stays and leads to the new content
        name = f".{self._token}-{len(self._staged)}-{target.name[-_NAME_CHARACTERS:]}.part"
        folder = target.parent
        if self._work_folder and self._work_folder.parent == folder:
            folder = self._work_folder
        hidden = folder / name
        self._staged.append((hidden, target))
        return hidden

    @property
    def targets(self) -> list[Path]:
        """The targets, in the order of the calls."""
        return [target for _, target in self._staged]

    def changing(self) -> list[Path]:
        """The targets that are there now, with other content than the new one."""
        return [target for hidden, target in self._staged if _differ(hidden, target)]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                for hidden, target in self._staged:
                    _check_kind(hidden, target)
                    check_replaceable(target)
                    _sync(hidden)
                for hidden, target in self._staged:
                    self._publish(hidden, target)
                for folder in {target.parent for _, target in self._staged}:
                    sync_folder(folder)
        finally:
            for hidden, _ in self._staged:
                _remove(hidden)

    def _publish(self, hidden: Path, target: Path) -> None:
        if not hidden.is_dir() or not target.exists():
            hidden.replace(target)
            return
        former = hidden.with_name(f"{hidden.name}.former")  # folders cannot be replaced in one step
        target.replace(former)
        try:
            hidden.replace(target)
        except OSError:
            former.replace(target)
            raise
        _remove(former)


def _check_kind(hidden: Path, target: Path) -> None:
    """Raise, before anything is renamed, when a file would replace a folder or a folder a file."""
    if target.exists() and target.is_dir() != hidden.is_dir():
        number = errno.EISDIR if target.is_dir() else errno.ENOTDIR
        raise OSError(number, os.strerror(number), str(target))


def _differ(hidden: Path, target: Path) -> bool:
    """Whether a target is there and its content is not the new one."""
    if not target.exists() or hidden.is_dir() != target.is_dir():
        return target.exists()
    if not target.is_dir():
        return not filecmp.cmp(hidden, target, shallow=False)
    names = sorted(path.name for path in target.iterdir())
    if names != sorted(path.name for path in hidden.iterdir()):
        return True
    return filecmp.cmpfiles(hidden, target, names, shallow=False)[0] != names


def _sync(path: Path) -> None:
    """Write content to the disk before it gets its name."""
    for file in path.iterdir() if path.is_dir() else [path]:
        with file.open("rb+") as opened:
            os.fsync(opened.fileno())


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
