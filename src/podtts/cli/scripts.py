"""The script a command is given, as it will be spoken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from podtts.errors import UsageError

if TYPE_CHECKING:
    from podtts.script.model import Script


def read_spoken(script: str, lexicons: list[Path] | None, *, normalize: bool) -> Script:
    """Read a script, `-` from stdin, and make the turns that are spoken of it.

    Raises InputError for a script or lexicon that cannot be used, before any work.
    """
    from podtts.script.spoken import SpeechTextOptions, spoken_script
    from podtts.text.lexicon import read_lexicons

    options = SpeechTextOptions(read_lexicons(lexicons or []), normalize)
    return spoken_script(_read(script), options)


def _read(script: str) -> Script:
    from podtts.script.read import decode_script, read_script

    if script == "-":
        if sys.stdin is None:  # closed by whoever started this
            raise UsageError("there is no stdin to read the script from", "name a file")
        return decode_script(sys.stdin.buffer.read(), "<stdin>", Path())
    return read_script(Path(script))
