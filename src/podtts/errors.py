"""The errors that users can meet, with their exit codes.

PodttsError                    has a `problem` (what, where) and a `hint` (what to do next)
├── PartialError        exit 1   some inputs failed, the others succeeded
├── UsageError          exit 2   invalid flags or options
├── InputError          exit 3   a script, recording or voice that is not usable
│   ├── ScriptError              names file and line
│   ├── AudioError               names the recording
│   └── VoiceError               a voice that is unknown, not prepared, or has an invalid name
├── ModelError          exit 4   a checkpoint that is missing, incomplete or inconsistent
├── DeviceError         exit 5   a device that is missing or has too little memory
│   └── OutOfMemoryError         out of memory during a run; smaller batches may fit
└── DiskError           exit 5   a disk that is full, or that refuses a file

The command line prints any of these on one line and exits with the code. Signals end a run with
exit code 130 (SIGINT) or 143 (SIGTERM). `assert` is only for mistakes of the programmer.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path


class PodttsError(Exception):
    """A problem that a user can solve: `problem` says what and where, `hint` what to do next."""

    exit_code = 1

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem} ({hint})" if hint else problem)
        self.problem = problem
        self.hint = hint


class PartialError(PodttsError):
    """Some inputs failed; the others succeeded."""


class UsageError(PodttsError):
    """Invalid flags or options."""

    exit_code = 2


class InputError(PodttsError):
    """A script, recording or voice that is not usable."""

    exit_code = 3


class ScriptError(InputError):
    """A script that cannot be synthesized as written; the problem starts with `file:line:`."""

    def __init__(self, source: str, line: int, problem: str, hint: str = "") -> None:
        super().__init__(f"{source}:{line}: {problem}", hint)
        self.source = source
        self.line = line


class AudioError(InputError):
    """A recording that is not usable as a prompt."""

    def __init__(self, path: Path | str, problem: str, hint: str = "") -> None:
        super().__init__(f"{path}: {problem}", hint)


class VoiceError(InputError):
    """A voice that is unknown, not prepared for this model, or has an invalid name."""


class ModelError(PodttsError):
    """A checkpoint that is missing, incomplete or inconsistent."""

    exit_code = 4


class DeviceError(PodttsError):
    """A device that is missing or has too little memory."""

    exit_code = 5


class OutOfMemoryError(DeviceError):
    """A device that ran out of memory during a run; smaller batches may fit."""


class DiskError(PodttsError):
    """A disk that is full, or that refuses a file."""

    exit_code = 5


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` with the known name closest to `name`, or an empty string."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]}?" if close else ""
