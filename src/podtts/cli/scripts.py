"""Reads the script that a command is given, and turns its text into words to be spoken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.errors import UsageError

if TYPE_CHECKING:
    from podtts.script.model import Script
    from podtts.script.reading import ReadingOptions
    from podtts.script.spoken import SpeechTextOptions


def read_spoken_script(script: str, options: SpeechTextOptions, reading: ReadingOptions) -> Script:
    """Read a script (`-`: from stdin) with its texts in their spoken form.

    Raises InputError for a script that cannot be used.
    """
    from podtts.script.spoken import spoken_script

    return spoken_script(read_written_script(script, reading), options)


def read_written_script(script: str, reading: ReadingOptions) -> Script:
    """Read a script (`-`: from stdin) with its texts as they are written. Raises InputError."""
    from podtts.script.read import decode_script, read_script

    if script == "-":
        if sys.stdin is None:  # the parent process closed it
            raise UsageError("there is no stdin to read the script from", "name a file")
        return decode_script(sys.stdin.buffer.read(), "<stdin>", Path(), reading)
    return read_script(Path(script), reading)
