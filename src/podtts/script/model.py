"""A dialogue script as a value, whatever format it was written in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from podtts.errors import InputError, ScriptError
from podtts.rates import MAX_SPEAKERS
from podtts.text.characters import excerpt
from podtts.values import Chapter, Turn

SLOWEST, FASTEST = 0.5, 2.0  # tempo of a speaker; beyond it a time-stretch is heard as one


@dataclass(frozen=True)
class ScriptPrompt:
    """A speaker's recording as a published JSON script names it; nothing of it is read yet."""

    audio: Path
    transcript: str  # what is said in the recording
    dialect_prompt: str = ""  # a sentence in dialect, opened by its tag; empty for none


@dataclass(frozen=True)
class Script:
    """Who speaks, and what, in order.

    Raises InputError when the parts do not belong together: no turn, no speaker or more than
    four, a turn without text or of a speaker that is not there, a rate that cannot be.
    """

    source: str  # file name for messages
    labels: tuple[str, ...]  # index = speaker number
    turns: tuple[Turn, ...]
    chapters: tuple[Chapter, ...] = ()  # a heading below the last turn has turn == len(turns)
    voices: Mapping[str, str] = field(default_factory=dict)  # label -> voice, from header lines
    prompts: Mapping[str, ScriptPrompt] = field(default_factory=dict)  # label -> its recording
    warnings: tuple[str, ...] = ()  # each starts with `file:line:`
    label_lines: Mapping[str, int] = field(default_factory=dict)  # label -> where it is first named
    rates: Mapping[str, float] = field(default_factory=dict)  # label -> tempo, from header lines

    def __post_init__(self) -> None:
        if not self.turns:
            raise InputError(f"{self.source}: the script has no turns")
        if not 1 <= len(self.labels) <= MAX_SPEAKERS:
            raise InputError(f"{self.source}: {len(self.labels)} speakers, not 1 to {MAX_SPEAKERS}")
        if len(set(self.labels)) < len(self.labels):
            raise InputError(f"{self.source}: two speakers share a label: {', '.join(self.labels)}")
        for label, rate in self.rates.items():
            if not SLOWEST <= rate <= FASTEST:
                raise InputError(f"{self.source}: the rate of {label} is {rate_rule(rate)}")
        for number, turn in enumerate(self.turns, 1):
            if not 0 <= turn.speaker < len(self.labels):
                raise InputError(
                    f"{self.source}: turn {number} is of speaker number {turn.speaker}, "
                    f"but the script has {len(self.labels)}"
                )
            if not turn.text.strip():
                raise InputError(f"{self.source}: turn {number} has no text")


def rate_rule(rate: object) -> str:
    """Say what a rate is and what it must be."""
    return f"{rate}, not a number from {SLOWEST:g} to {FASTEST:g}"


def fifth_speaker(
    source: str, line: int, label: str, known: Iterable[str], hint: str = ""
) -> ScriptError:
    """Return the error for a label that has no speaker number left."""
    names = ", ".join(excerpt(name) for name in known)
    return ScriptError(
        source,
        line,
        f"{excerpt(label)} would be speaker {MAX_SPEAKERS + 1}, but the model knows at most "
        f"{MAX_SPEAKERS}; the script has {names}",
        hint,
    )


def silent_speakers(
    source: str, label_lines: Mapping[str, int], turns: Iterable[Turn]
) -> list[str]:
    """Return a warning for each label that is declared but never speaks (a typo, as a rule)."""
    heard = {turn.speaker for turn in turns}
    return [
        f"{source}:{line}: {excerpt(label)} never speaks"
        for speaker, (label, line) in enumerate(label_lines.items())
        if speaker not in heard
    ]
