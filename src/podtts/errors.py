"""What can go wrong for a user, as one tree.

PodttsError                    prints as `problem`, then `hint` (what to do next)
├── PartialError        exit 1   some inputs failed, the others are done
├── UsageError          exit 2   flags or options that cannot be
├── InputError          exit 3   a script, recording or voice that cannot be used
│   ├── ScriptError              names file and line
│   ├── AudioError               names the recording
│   └── VoiceError               a voice unknown, not prepared, or badly named
├── ModelError          exit 4   a checkpoint that is missing, incomplete or inconsistent
└── DeviceError         exit 5   a device that is not there, or has too little memory
    └── OutOfMemoryError         while it worked: less at once may still do

The command line turns any of these into one line and the exit code; signals end a run with 130
(SIGINT) or 143 (SIGTERM). `assert` is for mistakes of the programmer, never for these.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path


class PodttsError(Exception):
    """A problem a user can solve: `problem` says what and where, `hint` the next step."""

    exit_code = 1

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(f"{problem} ({hint})" if hint else problem)
        self.problem = problem
        self.hint = hint


class PartialError(PodttsError):
    """Some inputs failed; the others are done."""


class UsageError(PodttsError):
    """Flags or options that cannot be."""

    exit_code = 2


class InputError(PodttsError):
    """A script, recording or voice that cannot be used."""

    exit_code = 3


class ScriptError(InputError):
    """A script that cannot be spoken as written; the problem starts with `file:line:`."""

    def __init__(self, source: str, line: int, problem: str, hint: str = "") -> None:
        super().__init__(f"{source}:{line}: {problem}", hint)
        self.source = source
        self.line = line


class AudioError(InputError):
    """A recording that cannot serve as a prompt."""

    def __init__(self, path: Path | str, problem: str, hint: str = "") -> None:
        super().__init__(f"{path}: {problem}", hint)


class VoiceError(InputError):
    """A voice that is unknown, not prepared for this model, or badly named."""


class ModelError(PodttsError):
    """A checkpoint that is missing, incomplete or inconsistent."""

    exit_code = 4


class DeviceError(PodttsError):
    """A device that is not there or has too little memory."""

    exit_code = 5


class OutOfMemoryError(DeviceError):
    """A device that ran out of memory at work: less at once may still do."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` for the known name closest to `name`, or an empty string."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]}?" if close else ""
