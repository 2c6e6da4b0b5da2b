"""Header lines of a script in plain text: `S1 = alice, rate 0.9`."""

import re
from dataclasses import dataclass

from podtts.script.model import MAX_RATE, MIN_RATE, rate_problem
from podtts.script.names import NAME, as_name
from podtts.script.own_labels import WRITTEN_LABEL
from podtts.text.characters import excerpt

_HEADER = re.compile(rf"(?P<label>{WRITTEN_LABEL}|{NAME})\s*=(?P<voice>.*)")
_RATE = re.compile(r"(?P<voice>.*?)\s*,\s*rate\b\s*(?P<rate>.*)")


class HeaderError(Exception):
    """A header line without a voice, or with a rate that is out of range."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.problem, self.hint = problem, hint


@dataclass(frozen=True)
class Header:
    """A header line, as written."""

    label: str
    written: str  # all behind the equals sign

    def voice_and_rate(self) -> tuple[str, float | None]:
        """Return the voice, and the rate if it has one. Raises HeaderError."""
        match = _RATE.fullmatch(self.written)
        voice = match["voice"] if match else self.written
        if not voice:
            raise HeaderError(f"no voice after {self.label} =", f"write {self.label} = alice")
        if match is None:
            return voice, None
        try:
            rate = float(match["rate"])
        except ValueError:
            rate = 0.0
        if not MIN_RATE <= rate <= MAX_RATE:
            raise HeaderError(
                f"the rate of {self.label} is {rate_problem(excerpt(match['rate']) or 'missing')}",
                f"write {self.label} = {excerpt(voice)}, rate 0.9",
            )
        return voice, rate


def find_header(line: str) -> Header | None:
    """Return the header that a line is, or None."""
    match = _HEADER.match(line)
    label = as_name(match["label"]) if match else None
    return Header(label, match["voice"].strip()) if match and label else None
