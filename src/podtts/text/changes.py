"""Shows which words of a text are spoken otherwise than they are written."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from podtts.text.languages import HAN

# A Chinese character, a word without the punctuation around it, or one other character.
_TOKEN = re.compile(
    rf"[{HAN}]|[^\s{HAN}]+?(?=[.,!?;:)\"”’、。，！？；：）…]*(?:\s|$|[{HAN}]))|\s+|."
)


@dataclass(frozen=True)
class Change:
    """A part of a text, as it is written and as it is spoken; one of them may be empty."""

    written: str
    spoken: str

    @property
    def is_one(self) -> bool:
        """Whether the part is spoken otherwise."""
        return self.written != self.spoken


def find_changes(written: str, spoken: str) -> list[Change]:
    """Return the parts of a text in order, alternately changed and unchanged."""
    before, after = _TOKEN.findall(written), _TOKEN.findall(spoken)
    parts: list[Change] = []
    for _, start, end, spoken_start, spoken_end in SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        parts.append(Change("".join(before[start:end]), "".join(after[spoken_start:spoken_end])))
    return _merged(parts)


def _merged(parts: list[Change]) -> list[Change]:
    """Join changes that only white space separates: 5 kg -> five kilograms."""
    merged: list[Change] = []
    for part in parts:
        inside = len(merged) > 1 and not merged[-1].is_one and merged[-1].written.isspace()
        if part.is_one and inside and merged[-2].is_one:
            space, first = merged.pop(), merged.pop()
            part = Change(
                first.written + space.written + part.written,
                first.spoken + space.spoken + part.spoken,
            )
        merged.append(part)
    return merged


def mark_changes(written: str, spoken: str) -> tuple[str, str]:
    """Return both forms of a text with «» around what differs: for people to compare."""
    parts = find_changes(written, spoken)
    return (
        "".join(f"«{part.written}»" if part.is_one else part.written for part in parts),
        "".join(f"«{part.spoken}»" if part.is_one else part.spoken for part in parts),
    )
