"""Which turns of an earlier run an edited script still has, and at which positions they are now.

A turn is recognised by its text and speaker. What the LLM and the flow drew for it is named by the
number of its draws (0-based). That is the turn's number, until an edit moves the turn: then it
keeps the number it was made with, and a turn that comes in its place gets one that no other has.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True)
class KeptTurns:
    """What `match_turns` has found; all numbers are 0-based.

    former:  where turns of the script were in the earlier run.
    missing: the turns of the script that it does not have.
    """

    former: Mapping[int, int]
    missing: Sequence[int]

    def __str__(self) -> str:
        """For people: which turns are kept, and why others are not."""
        kept = f"turns kept with the draws they were made with: {_ranges(self.former) or 'none'}"
        if not self.missing:
            return kept
        return (
            f"{kept}; turns to synthesize, because they are new or have another text or speaker: "
            f"{_ranges(self.missing)}"
        )


def match_turns(stored: Mapping[int, str], script: Sequence[str]) -> KeptTurns:
    """Find the stored turns in a script, in order where they are, then those that were moved.

    stored: what the turns of the earlier run say, by their number. script: what the turns of the
    script say.
    """
    numbers = sorted(stored)
    before = [stored[number] for number in numbers]
    former: dict[int, int] = {}
    for block in SequenceMatcher(None, before, script, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            former[block.b + offset] = numbers[block.a + offset]
    moved: dict[str, deque[int]] = defaultdict(deque)
    for number in sorted(set(numbers) - set(former.values())):
        moved[stored[number]].append(number)
    for index, says in enumerate(script):
        if index not in former and moved[says]:
            former[index] = moved[says].popleft()
    former = dict(sorted(former.items()))
    return KeptTurns(former, [index for index in range(len(script)) if index not in former])


def draw_numbers(used: Mapping[int, int], turns: int) -> dict[int, int]:
    """Return the number of the draws of each turn of a script (both 0-based).

    used:  those of the turns that are stored. The others get their own number, unless it is used.
    turns: of the script.
    A run that was killed gets the same numbers again, whatever it had stored.
    """
    numbers = dict(used)
    taken = set(used.values())
    for index in range(turns):
        if index not in numbers:
            numbers[index] = max({turns - 1, *taken}) + 1 if index in taken else index
            taken.add(numbers[index])
    return numbers


def _ranges(numbers: Iterable[int]) -> str:
    """0-based numbers, ascending, as people write them: `1-3, 5`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0] + 1}-{run[-1] + 1}" if len(run) > 1 else f"{run[0] + 1}" for run in runs
    )
