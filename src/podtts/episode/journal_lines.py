"""The lines of a journal's `turns.jsonl`: the first records the run, then there is one a turn."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podtts.errors import UsageError
from podtts.storage.atomic import write_atomically
from podtts.values import Heard, SpeechTokens, Turn, TurnAudio

Line = Mapping[str, Any]

_TURN_KEYS = {"turn", "key", "variation", "ended", "problems", "file", "sha256"}


@dataclass(frozen=True, eq=False)
class FinishedTurn:
    """A turn that an earlier run finished."""

    index: int
    tokens: SpeechTokens
    attempt: int
    problems: tuple[str, ...]
    heard: Heard | None = None


@dataclass(frozen=True)
class JournalLines:
    """All lines. If a turn has several, the last one counts."""

    header: Line
    turns: tuple[Line, ...] = ()

    @property
    def last(self) -> dict[int, Line]:
        """The line that counts, by the 0-based number of its turn."""
        return {line["turn"] - 1: line for line in self.turns}

    def moved(self, former: Mapping[int, int]) -> JournalLines:
        """The lines of some turns alone, at other positions, with the draws they were made with.

        former: where a turn (both 0-based) is now.
        """
        position = {before + 1: index + 1 for index, before in former.items()}
        kept = tuple(
            {**line, "turn": position[line["turn"]], "draws": draws_of(line) + 1}
            for line in self.turns
            if line["turn"] in position
        )
        return JournalLines(self.header, kept)


def read_lines(path: Path) -> JournalLines | None:
    """Read all lines; None when there is no run. Cuts off a line that a kill left incomplete.

    Raises UsageError when a line is damaged.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    complete = raw[: raw.rfind(b"\n") + 1]
    if complete != raw:
        os.truncate(path, len(complete))
    try:
        lines = [_object(line) for line in complete.splitlines()]
        for line in lines[1:]:
            _check_turn(line)
    except ValueError as error:
        raise UsageError(f"{path} is damaged", f"move {path.parent} away to start over") from error
    return JournalLines(lines[0], tuple(lines[1:])) if lines else None


def write_lines(path: Path, lines: JournalLines) -> None:
    """Replace all lines in one step. Raises OSError."""
    write_atomically(path, *(encoded(line) + b"\n" for line in [lines.header, *lines.turns]))


def turn_key(turn: Turn) -> str:
    """A digest of what a turn says: speaker and text."""
    return hashlib.sha256(f"{turn.speaker}\0{turn.text}".encode()).hexdigest()


def turn_line(audio: TurnAudio, label: str, draws: int, file: str, sha256: str) -> Line:
    """The line of a turn; draws: their number, 0-based. file: its name, with its digest."""
    line = {
        "turn": audio.index + 1,
        "line": audio.turn.line,
        "label": label,
        "text": audio.turn.text,
        "key": turn_key(audio.turn),
        "draws": draws + 1,
        "variation": audio.attempt,  # a key of the journal's format
        "tokens": len(audio.tokens.ids),
        "ended": audio.tokens.ended,
        "seconds": audio.seconds,
        "problems": list(audio.problems),
        "file": file,
        "sha256": sha256,
    }
    if audio.heard is not None:
        line["heard"] = {"text": audio.heard.text, "error": round(audio.heard.error, 4)}
    if audio.later_attempts:
        line["later_variations"] = audio.later_attempts
    return line


def finished_turn(line: Line, tokens: Sequence[int]) -> FinishedTurn:
    """The turn of a line, with its speech tokens. Lines of older versions have nothing heard."""
    heard = line.get("heard")
    return FinishedTurn(
        line["turn"] - 1,
        SpeechTokens(tuple(tokens), line["ended"]),
        line["variation"],
        tuple(line["problems"]),
        None if heard is None else Heard(heard["text"], heard["error"]),
    )


def next_attempt(line: Line) -> int:
    """The first attempt of a turn that no run has made."""
    number: int = line["variation"] + line.get("later_variations", 0) + 1
    return number


def draws_of(line: Line) -> int:
    """The number (0-based) of a turn's draws; lines of older versions have that of the turn."""
    number: int = line.get("draws", line["turn"])
    return number - 1


def encoded(line: Line) -> bytes:
    """A line as it is in the file, without its end."""
    return json.dumps(line, ensure_ascii=False).encode()


def _object(line: bytes) -> dict[str, Any]:
    """The JSON object of a line. Raises ValueError."""
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _check_turn(line: Line) -> None:
    """Raise ValueError if a line is not one of a turn."""
    numbers = (line.get("turn"), line.get("draws", 1), line.get("later_variations", 0))
    if not (line.keys() >= _TURN_KEYS and all(isinstance(number, int) for number in numbers)):
        raise ValueError("not a turn")
    if (heard := line.get("heard")) is not None:
        is_heard = isinstance(heard, dict) and isinstance(heard.get("text"), str)
        if not (is_heard and isinstance(heard.get("error"), int | float)):
            raise ValueError("not what was heard")
