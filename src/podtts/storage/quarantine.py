"""Where damaged files go: out of the way, but there to be looked at."""

import contextlib
import os
import secrets
from pathlib import Path


class Quarantine:
    """The folder `quarantine` under a root."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "quarantine"

    def take(self, path: Path) -> Path | None:
        """Move a file, folder or link in, under a name of its own, and return its new path.

        Returns None when it is gone: another thread or process was faster. Raises OSError.
        """
        kept = self._folder / f"{path.name[:200]}.{secrets.token_hex(4)}"
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            path.replace(kept)
        except FileNotFoundError:
            return None
        # Its age is counted from now on; what cannot be touched is only kept longer or shorter.
        with contextlib.suppress(OSError, NotImplementedError):
            os.utime(kept, follow_symlinks=False)
        return kept
