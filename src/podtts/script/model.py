"""The script of a dialogue, independent of its file format."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from podtts.errors import InputError, ScriptError
from podtts.rates import MAX_SPEAKERS
from podtts.text.characters import excerpt
from podtts.values import Chapter, Turn

MIN_RATE, MAX_RATE = 0.5, 2.0  # tempo of a speaker; beyond these, a time-stretch is noticeable
SILENT_TURN_SECONDS = 0.8  # of a turn with nothing to say


@dataclass(frozen=True)
class ScriptPrompt:
    """The recording of a speaker that a published JSON script names. It is not read yet."""

    audio: Path
    transcript: str  # what is said in the recording
    dialect_prompt: str = ""  # a sentence in dialect that begins with its tag; empty for none


@dataclass(frozen=True)
class Script:
    """The speakers and turns of a dialogue, in order.

    Raises InputError for a script without turns, without speakers or with more than four, for a
    turn without text or of an unknown speaker, and for a rate that is out of range.
    """

    source: str  # file name for messages
    labels: tuple[str, ...]  # index = speaker number
    turns: tuple[Turn, ...]
    chapters: tuple[Chapter, ...] = ()  # a heading after the last turn has turn == len(turns)
    voices: Mapping[str, str] = field(default_factory=dict)  # label -> voice, from header lines
    prompts: Mapping[str, ScriptPrompt] = field(default_factory=dict)  # label -> recording
    warnings: tuple[str, ...] = ()  # each starts with `file:line:`
    label_lines: Mapping[str, int] = field(default_factory=dict)  # label -> line of its first use
    rates: Mapping[str, float] = field(default_factory=dict)  # label -> tempo, from header lines

    def __post_init__(self) -> None:
        if not self.turns:
            raise InputError(f"{self.source}: the script has no turns")
        if not 1 <= len(self.labels) <= MAX_SPEAKERS:
            raise InputError(f"{self.source}: {len(self.labels)} speakers, not 1 to {MAX_SPEAKERS}")
        if len(set(self.labels)) < len(self.labels):
            raise InputError(f"{self.source}: two speakers share a label: {', '.join(self.labels)}")
        for label, rate in self.rates.items():
            if not MIN_RATE <= rate <= MAX_RATE:
                raise InputError(f"{self.source}: the rate of {label} is {rate_problem(rate)}")
        for number, turn in enumerate(self.turns, 1):
            if not 0 <= turn.speaker < len(self.labels):
                raise InputError(
                    f"{self.source}: turn {number} has speaker number {turn.speaker}, "
                    f"but the script has {len(self.labels)} speakers, numbered from 0"
                )
            if not turn.text.strip():
                raise InputError(f"{self.source}: turn {number} has no text")


def rate_problem(rate: object) -> str:
    """Return the end of the message for a rate that is out of range."""
    return f"{rate}, not a number from {MIN_RATE:g} to {MAX_RATE:g}"


def too_many_speakers(
    source: str, line: int, label: str, known: Iterable[str], hint: str = ""
) -> ScriptError:
    """Return the error for a label that exceeds the number of speakers."""
    names = ", ".join(excerpt(name) for name in known)
    return ScriptError(
        source,
        line,
        f"{excerpt(label)} would be speaker {MAX_SPEAKERS + 1}, but the model has at most "
        f"{MAX_SPEAKERS}; the script already has {names}",
        hint,
    )


def unused_speakers(
    source: str, label_lines: Mapping[str, int], turns: Iterable[Turn]
) -> list[str]:
    """Return a warning for each declared label that has no turn, which usually is a typo."""
    used = {turn.speaker for turn in turns}
    return [
        f"{source}:{line}: {excerpt(label)} never speaks"
        for speaker, (label, line) in enumerate(label_lines.items())
        if speaker not in used
    ]


def nothing_to_say(source: str, line: int, text: str = "", *, is_last: bool = False) -> str:
    """Return the warning for a turn that becomes silence before the next words, if there are any.

    text: of the turn; empty if everything in it was left out.
    """
    shown = f' "{excerpt(text)}"' if text else ""
    silence = f": it is {SILENT_TURN_SECONDS:g} s of silence before the next words"
    return (
        f"{source}:{line}: nothing to say in this turn{shown}"
        f"{', and no words follow' if is_last else silence}"
    )
