"""Moves damaged files out of the way, and keeps them for inspection."""

import contextlib
import os
import secrets
from pathlib import Path


class Quarantine:
    """The folder `quarantine` under a root."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "quarantine"

    def move(self, path: Path) -> Path | None:
        """Move a file, folder or link into the quarantine, and return its new path.

        Returns None when another thread or process has moved or removed it first. Raises OSError.
        """
        moved = self._folder / f"{path.name[:200]}.{secrets.token_hex(4)}"
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            path.replace(moved)
        except FileNotFoundError:
            return None
        # The age for pruning counts from now. If that fails, it is only removed earlier or later.
        with contextlib.suppress(OSError, NotImplementedError):
            os.utime(moved, follow_symlinks=False)
        return moved

    def move_damaged(self, path: Path, reason: str) -> str | None:
        """Move a damaged file; return the reason with its new path, or None when it is gone."""
        try:
            moved = self.move(path)
        except OSError as error:
            return f"{reason}; it cannot be moved away: {error.strerror}"
        return f"{reason}; it was moved to {moved}" if moved else None
