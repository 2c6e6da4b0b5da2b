"""The target of -o: a file, stdout or a device. It is checked before any work is done."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from podtts.errors import UsageError
from podtts.storage.disk_errors import is_full
from podtts.storage.regular_files import is_device
from podtts.storage.streams import WholeWriter, open_stream


def check_output(output: str) -> None:
    """Check that -o can be written. Raises UsageError."""
    path = Path(output)
    if not output:
        raise UsageError("-o '' names no file", "name an audio file, such as talk.wav")
    if output == "-":
        if sys.stdout is None:
            raise UsageError("there is no stdout to write to", "name a file")
        if sys.stdout.isatty():
            raise UsageError("-o - would write audio to the terminal", "pipe it, or name a file")
    elif path.is_dir():
        raise UsageError(f"{path} is a folder", "name an audio file in it")
    elif not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", f"run: mkdir -p {path.parent}")


def is_stream(output: str) -> bool:
    """Whether samples go out as they are synthesized, to stdout, a pipe or a device."""
    return output == "-" or is_device(Path(output))


@contextmanager
def open_output(output: str) -> Iterator[BinaryIO]:
    """Open the stream that -o names: stdout, a pipe or a device.

    Raises UsageError when nobody reads from a pipe, and OSError; that of a full disk or device
    names the stream.
    """
    try:
        with _opened(output) as stream:
            yield stream
    except OSError as error:
        if is_full(error):  # no file is open in the block, so no other one can be full
            error.filename = "stdout" if output == "-" else output
        raise


def _opened(output: str) -> BinaryIO:
    if output == "-":
        return WholeWriter(os.dup(sys.stdout.fileno()), "wb")
    return open_stream(Path(output))
