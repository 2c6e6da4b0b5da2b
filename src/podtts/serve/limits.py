"""What a server accepts, and for how long it waits."""

from __future__ import annotations

from dataclasses import dataclass

from podtts.errors import UsageError

_MAY_BE_ZERO = ("queue", "stop_seconds", "jobs", "keep_days")


@dataclass(frozen=True)
class Bounds:
    """Of one text: characters, turns after long ones are split, and seconds of sound."""

    characters: int
    turns: int
    seconds: float


@dataclass(frozen=True)
class Limits:
    """The bounds of a server. Raises UsageError for a bound that is not positive.

    queue:            requests that wait for a row.
    characters:       of the text of a request.
    turns:            of a script, after long turns are split.
    seconds:          of the sound of a request.
    deadline_seconds: from the request to the last sample.
    jobs:             that wait or run. job_characters, job_turns, job_seconds: of one.
    keep_days:        after which a job that has ended is deleted.
    body_bytes:       of a request, other than a recording. upload_bytes: of one with a recording.
    body_seconds:     until a request's body is there.
    stall_seconds:    for which a client may take nothing of its response.
    stop_seconds:     for which running requests may go on after SIGTERM.
    """

    queue: int = 32
    characters: int = 20_000
    turns: int = 500
    seconds: float = 600.0
    deadline_seconds: float = 900.0
    jobs: int = 100
    job_characters: int = 200_000
    job_turns: int = 5000
    job_seconds: float = 7200.0
    keep_days: float = 7.0
    body_bytes: int = 2**20
    upload_bytes: int = 2**25
    body_seconds: float = 60.0
    stall_seconds: float = 300.0
    stop_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0 or (value == 0 and name not in _MAY_BE_ZERO):
                raise UsageError(f"{name} is {value}, but must be above 0")

    @property
    def live(self) -> Bounds:
        """Of a request that waits for its sound."""
        return Bounds(self.characters, self.turns, self.seconds)

    @property
    def job(self) -> Bounds:
        return Bounds(self.job_characters, self.job_turns, self.job_seconds)
