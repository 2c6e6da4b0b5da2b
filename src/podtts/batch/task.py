"""A worker's input and output: values that can be sent to other processes."""

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
    """One script, ready to be synthesized."""

    id: str
    script: Script
    prompts: tuple[SpeakerPrompt, ...]
    options: SynthesisOptions
    publishing: PublishOptions
    keeps_precision: bool  # see EpisodeSettings
    fingerprint: str  # of the request
    voices: Mapping[str, CastVoice] = field(default_factory=dict)  # by label


@dataclass(frozen=True)
class Outcome:
    """What became of a script.

    done:    its files are complete; turns may have failed a check (`failed_turns`, 1-based).
    failed:  there are no files of this run.
    stopped: a signal ended the batch before the episode was done.
    """

    id: str
    state: State
    error: str = ""
    hint: str = ""
    turns: int = 0
    kept_turns: int = 0  # finished by an earlier run
    failed_turns: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()  # what is wrong with these, in words
    audio_seconds: float = 0.0
    spoken_seconds: float = 0.0  # of the turns that were synthesized now
    wall_seconds: float = 0.0  # from its first turn to its files; others ran at the same time
    work: StageSeconds = field(default_factory=StageSeconds)
    files: Mapping[str, str] = field(default_factory=dict)  # names to SHA-256, its own first
    notes: tuple[str, ...] = ()  # flow in float32, loudness, files of an earlier run
    fingerprint: str = ""
    voices: Mapping[str, CastVoice] = field(default_factory=dict)
    set_aside: str = ""  # what became of an earlier run of other content, for people
    unwritable: bool = False  # the disk refused it, and will refuse the next
    skipped: bool = False  # an earlier run did it

    def record(self) -> dict[str, Any]:
        """This outcome as JSON values."""
        values = asdict(self) | {"work": self.work.by_stage()}
        del values["skipped"], values["unwritable"], values["set_aside"]
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
    """The outcome of a task, or of an id, that failed."""
    outcome = Outcome(
        task if isinstance(task, str) else task.id, "failed", error.problem, error.hint
    )
    if isinstance(task, str):
        return outcome
    return replace(outcome, fingerprint=task.fingerprint, voices=task.voices)


@dataclass(frozen=True)
class Setup:
    """What a worker loads and where it writes."""

    directory: Path  # the checkpoint
    device: str
    dtype: str
    quantize: Quantization
    keeps_quantize: bool  # it was asked for by name, and is used where it is not faster
    threads: int | None
    rows: int | None  # scripts at a time; None: as memory allows
    share: int  # workers that divide this device's memory among them
    longest_turn: int  # tokens, for the memory of a row
    most: int  # rows: no more than there are scripts
    root: Path  # of the cache
    keeps_prefix: bool
    flow_cache: int  # MB for the flow's states behind prompts
    output: Path  # folder of the episodes
    day: str  # today, as YYYY-MM-DD
    recognizer: Path | None = None  # what hears the turns; None: nobody listens


@dataclass(frozen=True)
class Ready:
    """A worker has loaded its models and synthesizes `rows` scripts at a time."""

    rows: int
    place: str  # for people
    process_id: int
    problems: tuple[str, ...] = ()  # of the machine, with which it works all the same


@dataclass(frozen=True)
class WorkerFailure:
    """Why a worker cannot work, nor another in its place."""

    problem: str
    hint: str
    exit_code: int

    @classmethod
    def of(cls, error: PodttsError) -> WorkerFailure:
        return cls(error.problem, error.hint, error.exit_code)

    def error(self) -> PodttsError:
        """The error again, of the class with its exit code."""
        for kind in (UsageError, InputError, ModelError, DeviceError):
            if kind.exit_code == self.exit_code:
                return kind(self.problem, self.hint)
        return PodttsError(self.problem, self.hint)
