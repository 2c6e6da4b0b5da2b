"""From what a client sends as text to a script: plain words, a script in a text, or turns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from podtts.script.lines import ScriptLine
from podtts.script.model import Script
from podtts.script.parse import parse_lines
from podtts.script.published_json import parse_published
from podtts.script.read import decode_script
from podtts.script.reading import ReadingOptions
from podtts.serve.api_error import refused
from podtts.text.characters import clean_text

PLAIN_LABEL = "S1"  # of the only speaker of a plain text
_LABELLED = re.compile(r"\s*\[S[1-4]\]")
_NOWHERE = Path("/nonexistent")  # relative paths of a client would start here; none is opened


def is_labelled(text: str) -> bool:
    """Whether a text is a script: it begins with a label `[S1]` to `[S4]`."""
    return _LABELLED.match(text) is not None


def plain_script(text: str, source: str, reading: ReadingOptions) -> Script:
    """A script of one speaker, in which every line is words. Raises ScriptError."""
    lines = clean_text(text, source).split("\n")
    words = [
        ScriptLine(number, line.strip(), is_words=True) for number, line in enumerate(lines, 1)
    ]
    spoken = [line for line in words if line.text]
    return parse_lines([ScriptLine(1, "", speaker=PLAIN_LABEL), *spoken], source, reading)


def written_script(text: str, source: str, reading: ReadingOptions) -> Script:
    """A script in any form of docs/scripts.md.

    Raises ScriptError; ApiError for a script that names recordings, which are files of the server.
    """
    script = decode_script(text.encode(), source, _NOWHERE, reading)
    if script.prompts:
        raise refused("recordings cannot be named in a script; upload a voice", source)
    return script


def turns_script(
    turns: Sequence[Sequence[str]],
    labels: Iterable[str],
    source: str,
    reading: ReadingOptions,
) -> Script:
    """A script of turns, each a label and a text. labels: come first, in this order.

    Raises ScriptError.
    """
    names = dict.fromkeys([*labels, *(turn[0] for turn in turns)])
    text = json.dumps({"speakers": {name: {} for name in names}, "text": turns})
    return parse_published(text, source, _NOWHERE, 1, reading)
