"""Several files and folders that appear together, when all of them are whole."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from podtts.storage.atomic import sync_folder

_HIDDEN = ".podtts-*.part*"
_SHOWN_CHARACTERS = 40  # of a target's name in a hidden one, which errors may tell


class Staging:
    """Collects new content under hidden names; a `with` block that ends well renames all of it.

    One that does not leaves nothing, and every old file as it was. Raises OSError.
    workshop: a folder nobody else uses now, where what is to stand beside it is collected: what a
              killed process has left there is removed. Everything else is collected beside its
              target.
    """

    def __init__(self, workshop: Path | None = None) -> None:
        self._workshop = workshop and Path(os.path.realpath(workshop))
        self._token = f"podtts-{os.getpid()}-{secrets.token_hex(4)}"
        self._staged: list[tuple[Path, Path]] = []

    def __enter__(self) -> Self:
        for left in self._workshop.glob(_HIDDEN) if self._workshop else ():
            _remove(left)
        return self

    def place(self, target: Path) -> Path:
        """Return where the content of a target is to be written: a file or a folder."""
        target = Path(os.path.realpath(target))  # a link stays a link to the new content
        name = f".{self._token}-{len(self._staged)}-{target.name[-_SHOWN_CHARACTERS:]}.part"
        folder = target.parent
        if self._workshop and self._workshop.parent == folder:
            folder = self._workshop
        hidden = folder / name
        self._staged.append((hidden, target))
        return hidden

    @property
    def targets(self) -> list[Path]:
        """What was placed, in that order."""
        return [target for _, target in self._staged]

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
        former = hidden.with_name(f"{hidden.name}.former")  # a folder is not replaced in one step
        target.replace(former)
        try:
            hidden.replace(target)
        except OSError:
            former.replace(target)
            raise
        _remove(former)


def _check_kind(hidden: Path, target: Path) -> None:
    """Find out before anything is renamed what cannot be: file over folder, folder over file."""
    if target.exists() and target.is_dir() != hidden.is_dir():
        number = errno.EISDIR if target.is_dir() else errno.ENOTDIR
        raise OSError(number, os.strerror(number), str(target))


def _sync(path: Path) -> None:
    """Bring content onto the disk, so that its new name never speaks of what is not there."""
    for file in path.iterdir() if path.is_dir() else [path]:
        with file.open("rb+") as opened:
            os.fsync(opened.fileno())


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
