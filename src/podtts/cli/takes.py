"""What becomes of an earlier run of the same output: --resume, --retake, --keep."""

from __future__ import annotations

from dataclasses import dataclass

from podtts.errors import UsageError


@dataclass(frozen=True)
class Takes:
    """What becomes of an earlier run of the same output, and of this one's journal."""

    resume: bool
    retake: frozenset[int]  # 0-based numbers of turns to be spoken anew
    keep: bool


def parse_retakes(flag: str | None, turns: int) -> frozenset[int]:
    """Turn numbers of `--retake 7,12`, 0-based. Raises UsageError for what is no turn."""
    numbers = set()
    for part in flag.split(",") if flag is not None else []:
        if not part.strip().isdecimal() or not 1 <= int(part) <= turns:
            raise UsageError(
                f"--retake {flag}: {part.strip()!r} is no turn of this script",
                f"its turns are 1 to {turns}; separate numbers by commas",
            )
        numbers.add(int(part) - 1)
    return frozenset(numbers)
