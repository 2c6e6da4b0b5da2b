"""What happens to an earlier run of the same output: --resume, --keep-later, --fresh and others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podtts.errors import UsageError

if TYPE_CHECKING:
    from podtts.episode.journal_choice import Earlier


@dataclass(frozen=True)
class EarlierRun:
    """How a run uses the journal of an earlier one, and whether it keeps its own.

    Raises UsageError for flags that exclude each other.
    """

    resume: bool  # continue the earlier run, or refuse
    anyway: bool  # continue it also where something else computed its turns
    keep_later: bool  # keep turns behind a change, with the draws they were made with
    fresh: bool  # set it aside
    retake: frozenset[int]  # 0-based turns to synthesize again in spite of the journal
    keep: bool  # keep the journal after the run

    def __post_init__(self) -> None:
        if self.fresh and self.needs_journal:
            raise UsageError(
                "--fresh begins anew, and --resume, --resume-anyway, --keep-later and --retake do "
                "not",
                "leave out --fresh, or the others",
            )

    @property
    def needs_journal(self) -> bool:
        """Whether the run asks for the turns of an earlier one."""
        return self.resume or self.anyway or self.keep_later or bool(self.retake)

    @property
    def rule(self) -> Earlier:
        """What becomes of the journal."""
        from podtts.episode.journal_choice import Earlier

        if self.retake:
            return Earlier.RETAKE
        if self.fresh:
            return Earlier.FRESH
        return Earlier.RESUME if self.needs_journal else Earlier.CONTINUE


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
