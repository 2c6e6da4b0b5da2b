"""What a worker is given, and what it answers: values that can be sent to other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from podtts.errors import DeviceError, InputError, ModelError, PodttsError, UsageError
from podtts.options import Quantization, SynthesisOptions
from podtts.publish.publish_options import PublishOptions
from podtts.script.model import Script
from podtts.values import SpeakerPrompt, StageSeconds

State = Literal["done", "failed", "stopped"]


@dataclass(frozen=True)
class CastVoice:
    """Whose voice a speaker has, and whether it was prepared before."""

    voice: str
    cached: bool


@dataclass(frozen=True, eq=False)
class Task:
    """One script, ready to be spoken."""

    id: str
    script: Script
    prompts: tuple[SpeakerPrompt, ...]
    options: SynthesisOptions
    publishing: PublishOptions
    keeps_precision: bool  # see Settings
    fingerprint: str  # of all that was asked for
    voices: Mapping[str, CastVoice] = field(default_factory=dict)  # by label


@dataclass(frozen=True)
class Outcome:
    """What became of a script.

    done: its files are whole; turns may have come out wrong (`failed_turns`, 1-based).
    failed: there are no files of this run. stopped: a signal ended the batch before its end.
    """

    id: str
    state: State
    error: str = ""
    hint: str = ""
    turns: int = 0
    kept_turns: int = 0  # taken from an earlier run
    failed_turns: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()  # what is wrong with these, in words
    audio_seconds: float = 0.0
    spoken_seconds: float = 0.0  # of the turns that were spoken now
    wall_seconds: float = 0.0  # from its first turn's begin to its files; others ran beside it
    work: StageSeconds = field(default_factory=StageSeconds)
    files: Mapping[str, str] = field(default_factory=dict)  # names to SHA-256, its own first
    notes: tuple[str, ...] = ()  # a turn's flow in float32, its loudness, files left of before
    fingerprint: str = ""
    voices: Mapping[str, CastVoice] = field(default_factory=dict)
    unwritable: bool = False  # the disk refused what was spoken, as it will the next
    skipped: bool = False  # it was done by an earlier run

    def record(self) -> dict[str, Any]:
        """This outcome as JSON values."""
        values = asdict(self)
        del values["skipped"], values["unwritable"]
        lists = ("failed_turns", "problems", "notes")
        return values | {name: list(values[name]) for name in lists}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Outcome:
        """The outcome of `record`. Raises KeyError, TypeError for what is none."""
        voices = {label: CastVoice(**voice) for label, voice in record["voices"].items()}
        return cls(
            **{
                **record,
                "failed_turns": tuple(record["failed_turns"]),
                "problems": tuple(record["problems"]),
                "notes": tuple(record["notes"]),
                "files": dict(record["files"]),
                "work": StageSeconds(**record["work"]),
                "voices": voices,
            }
        )


def failed(task: Task | str, error: PodttsError) -> Outcome:
    """The outcome of a task, or of an id, that could not be spoken."""
    outcome = Outcome(
        task if isinstance(task, str) else task.id, "failed", error.problem, error.hint
    )
    if isinstance(task, str):
        return outcome
    return replace(outcome, fingerprint=task.fingerprint, voices=task.voices)


@dataclass(frozen=True)
class Setup:
    """What a worker loads, and where it writes."""

    directory: Path  # the checkpoint
    device: str
    dtype: str
    quantize: Quantization
    keeps_quantize: bool  # it was asked for by its name, and holds where it does not pay
    threads: int | None
    rows: int | None  # scripts side by side; None: as memory allows
    share: int  # workers that divide this device's memory among them
    longest_turn: int  # tokens, for what a row may need
    most: int  # scripts there are
    root: Path  # of the cache
    keeps_prefix: bool
    output: Path  # folder of the episodes
    day: str  # today, as YYYY-MM-DD


@dataclass(frozen=True)
class Ready:
    """A worker has its models: it speaks `rows` scripts side by side."""

    rows: int
    place: str  # for people
    process_id: int


@dataclass(frozen=True)
class Unfit:
    """A worker cannot work, and neither could another in its place."""

    problem: str
    hint: str
    exit_code: int

    @classmethod
    def of(cls, error: PodttsError) -> Unfit:
        return cls(error.problem, error.hint, error.exit_code)

    def error(self) -> PodttsError:
        """The error again, of the class with its exit code."""
        for kind in (UsageError, InputError, ModelError, DeviceError):
            if kind.exit_code == self.exit_code:
                return kind(self.problem, self.hint)
        return PodttsError(self.problem, self.hint)
