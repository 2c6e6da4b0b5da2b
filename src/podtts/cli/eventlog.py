"""Writes the events of a run, one JSON object a line: `synth --log-json`."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from podtts.cli.messages import warn
from podtts.cli.signals import Stopped
from podtts.errors import PartialError, PodttsError, UsageError
from podtts.storage.streams import WholeWriter, open_stream, takes_more

_PACKAGES = ("podtts", "torch", "transformers", "onnxruntime", "numpy", "soundfile")


class EventLog:
    """Appends events to a file as they happen. Every line is written with one system call.

    target: a file, to whose end the events are added; -: stdout; None: nothing is written.
    Every line has `time` (UTC), `seconds` (since the start of the run) and `event`. If the block
    ends with an error, the error is the last line, unless the reader of a pipe holds up the log. If
    the log cannot be written any more, there is one warning and the run continues; the end of the
    block then raises PartialError, unless a reader had closed its pipe.
    Raises UsageError for a file that cannot be opened, or a pipe that nobody reads from.
    """

    def __init__(self, target: str | None) -> None:
        self._target = target
        self._started = time.perf_counter()
        self._file: WholeWriter | None = None
        self._is_incomplete = False

    def __enter__(self) -> Self:
        if self._target == "-":
            self._file = WholeWriter(os.dup(sys.stdout.fileno()), "wb")
        elif self._target is not None:
            try:
                self._file = open_stream(Path(self._target), append=True)
            except OSError as error:
                raise UsageError(
                    f"--log-json {self._target}: {error.strerror}", "choose another file"
                ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None and self._file is not None and takes_more(self._file):
            self.write("error", **_error_values(error))
        if self._file is not None:
            self._file.close()
        if self._is_incomplete and error is None:
            raise PartialError(f"the log of --log-json {self._target} is incomplete, see above")

    def start(self, options: Mapping[str, Any], **values: Any) -> None:
        """Write the first event of a run. options: all options, also those with default values."""
        if self._file is not None:
            versions = {name: version(name) for name in _PACKAGES}
            python = {"python": platform.python_version()}
            self.write("start", versions=python | versions, **values, options=dict(options))

    def write(self, event: str, **values: Any) -> None:
        """Append an event. values: JSON values and paths."""
        if self._file is None:
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "seconds": round(time.perf_counter() - self._started, 3),
            "event": event,
            **values,
        }
        try:
            self._file.write(json.dumps(line, ensure_ascii=False, default=str).encode() + b"\n")
        except OSError as error:
            self._file.close()
            self._file = None
            self._is_incomplete = not isinstance(error, BrokenPipeError)
            warn(f"--log-json {self._target}: {error.strerror}; nothing more is logged")


def check_log(target: str | None, output: str, script: str, page: Path | None) -> None:
    """Check that the log does not go to a file of the run. Raises UsageError."""
    if target == output == "-":
        raise UsageError("--log-json - and -o - would mix on stdout", "name a file for one of them")
    if target == "-" and sys.stdout is None:
        raise UsageError("there is no stdout to write the log to", "name a file")
    if target == "":
        raise UsageError("--log-json '' names no file", "name a file")
    if target is None or target == "-":
        return
    for what, other in (("output", output), ("script", script), ("page", page or output)):
        if Path(target).resolve() == Path(other).resolve():
            raise UsageError(f"--log-json {target} is the {what} itself", "name another file")


def _error_values(error: BaseException) -> dict[str, Any]:
    if isinstance(error, PodttsError):
        return {"problem": error.problem, "hint": error.hint, "exit_code": error.exit_code}
    if isinstance(error, Stopped):
        return {"problem": str(error), "hint": "", "exit_code": error.exit_code}
    return {"problem": f"{type(error).__name__}: {error}", "hint": "", "exit_code": None}
