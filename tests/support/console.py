"""Terminal transcripts in documents: their commands, and a comparison with the actual output."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

KILLED = "Killed"  # a shell prints this for a command that was killed
LEFT_OUT = "…"
_FIGURE = re.compile(r"[+-]?\d+\.\d+")  # seconds, RTF, decibels: different on every machine
_COUNT = re.compile(r"\b\d+(?= of \d+ turns| synthesized now)")


@dataclass(frozen=True)
class Step:
    """A command (with the lines of its input) and the lines that it prints."""

    command: str
    lines: tuple[str, ...]
    is_killed: bool  # it is killed before it ends


def steps(transcript: str) -> list[Step]:
    """Return the steps of a transcript: `$ ` starts a command, `> ` continues it."""
    parsed = []
    for part in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]:
        first, *others = part.splitlines()
        more = [line.removeprefix("> ") for line in others if line.startswith("> ")]
        output = [line for line in others if not line.startswith("> ")]
        is_killed = output[-1:] == [KILLED]
        lines = output[:-1] if is_killed else output
        parsed.append(Step("\n".join([first, *more]), tuple(lines), is_killed))
    return parsed


def is_like(printed: Sequence[str], lines: Sequence[str], *, counts_differ: bool) -> bool:
    """Whether the printed lines match the lines of a transcript.

    A line of `…` alone matches any number of lines, and `…` within a line any text. Numbers with a
    decimal point match any number.
    counts_differ: numbers of turns also match any number.
    """
    pattern = "".join(_pattern(line, counts_differ) for line in lines)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def _pattern(line: str, counts_differ: bool) -> str:
    if line == LEFT_OUT:
        return r"(?:.*\n)*?"
    line = _FIGURE.sub("\0", line)
    if counts_differ:
        line = _COUNT.sub("\1", line)
    wild = {LEFT_OUT: ".*", "\0": _FIGURE.pattern, "\1": r"\d+"}
    return "".join(wild.get(letter) or re.escape(letter) for letter in line) + r"\n"
