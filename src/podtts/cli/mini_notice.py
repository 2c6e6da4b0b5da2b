"""Says once on a machine what the bundled model is: most who see it want another one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from podtts.cli.messages import is_quiet, say

NOTICE = (
    "this is mini, a small demonstration model for English and Mandarin; for the full model: "
    "podtts model pull soulx-podcast-1.7b, then --model soulx-podcast-1.7b"
)
_MARKER = "mini-was-introduced"


def introduce_mini(root: Path) -> None:
    """Print the notice, unless a run with this cache printed it before.

    root: of the user's cache, where an empty file keeps that. It need not be writable.
    """
    marker = root / _MARKER
    if marker.exists() or is_quiet():
        return
    say(NOTICE)
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        marker.touch()
