"""Terminal transcripts: their commands, what stands behind them, and whether that is what comes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

KILLED = "Killed"  # what a shell says of a command that somebody killed
LEFT_OUT = "…"
_FIGURE = re.compile(r"[+-]?\d+\.\d+")  # seconds, RTF, decibels: other on every machine
_COUNT = re.compile(r"\b\d+(?= of \d+ turns| synthesized now)")


@dataclass(frozen=True)
class Step:
    """A command (with the lines of its input) and the lines it prints."""

    command: str
    lines: tuple[str, ...]
    is_killed: bool  # it does not get to its end


def steps(transcript: str) -> list[Step]:
    """The steps of a transcript: `$ ` opens a command, `> ` goes on with it."""
    found = []
    for part in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]:
        first, *others = part.splitlines()
        more = [line.removeprefix("> ") for line in others if line.startswith("> ")]
        told = [line for line in others if not line.startswith("> ")]
        is_killed = told[-1:] == [KILLED]
        lines = told[:-1] if is_killed else told
        found.append(Step("\n".join([first, *more]), tuple(lines), is_killed))
    return found


def is_like(told: Sequence[str], lines: Sequence[str], *, counts_differ: bool) -> bool:
    """Whether what was told is what stands there.

    A line of `…` alone is any number of lines, `…` within a line anything; figures with a decimal
    point are any. counts_differ: so are those of turns taken and spoken.
    """
    pattern = "".join(_pattern(line, counts_differ) for line in lines)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in told)) is not None


def _pattern(line: str, counts_differ: bool) -> str:
    if line == LEFT_OUT:
        return r"(?:.*\n)*?"
    line = _FIGURE.sub("\0", line)
    if counts_differ:
        line = _COUNT.sub("\1", line)
    wild = {LEFT_OUT: ".*", "\0": _FIGURE.pattern, "\1": r"\d+"}
    return "".join(wild.get(letter) or re.escape(letter) for letter in line) + r"\n"
