"""Steps that go on when one of them fails, with the seconds that each took."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path


class Steps:
    """Runs steps one after the other and writes what each returns to a file of its name.

    folder: is made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failed: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, name: str, step: Callable[[], str]) -> None:
        """Run a step: it returns text for people, or raises what is printed as its failure."""
        started = time.perf_counter()
        try:
            text, result = step(), "done"
        except Exception:
            text, result = traceback.format_exc(), "FAILED"
            self.failed.append(name)
        seconds = time.perf_counter() - started
        print(f"{text.rstrip()}\n--- {name}: {result} after {seconds:.1f} s\n", flush=True)
        (self.folder / f"{name}.txt").write_text(text)

    def exit_code(self) -> int:
        """Say which steps failed; 1 if some did, else 0."""
        if self.failed:
            print(f"failed: {', '.join(self.failed)}", flush=True)
        return int(bool(self.failed))
