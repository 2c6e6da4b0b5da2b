"""What happens to an earlier run of the same output: --resume, --retake, --keep."""

from __future__ import annotations

from dataclasses import dataclass

from podtts.errors import UsageError


@dataclass(frozen=True)
class EarlierRun:
    """How a run uses the journal of an earlier one, and whether it keeps its own."""

    resume: bool  # take the turns of the journal that are still valid
    retake: frozenset[int]  # 0-based turns to synthesize again in spite of the journal
    keep: bool  # keep the journal after the run


def parse_retakes(flag: str | None, turns: int) -> frozenset[int]:
    """Return the turns (0-based) of `--retake 7,12`; none for None.

    turns: number of turns of the script. Raises UsageError for anything but numbers of turns.
    """
    retakes = set()
    for part in flag.split(",") if flag is not None else []:
        number = part.strip()
        if not number.isdecimal() or not 1 <= int(number) <= turns:
            raise UsageError(
                f"--retake {flag}: {number!r} is no turn of this script",
                f"its turns are 1 to {turns}; separate numbers by commas",
            )
        retakes.add(int(number) - 1)
    return frozenset(retakes)
