"""Takes the network from processes, and records which names and addresses they want to reach."""

from collections.abc import Mapping
from pathlib import Path

from support.preloaded import preloaded


class NoNetwork:
    """env: for a process; it and its children reach nothing beyond this machine."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "wanted"
        settings = preloaded(Path(__file__).with_suffix(".c"))
        self.env: Mapping[str, str] = {**settings, "WANTED": str(self._log)}

    def wanted(self) -> set[str]:
        """Return the names and addresses since the last call."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return set(lines)
