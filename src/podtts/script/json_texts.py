"""Strings of JSON scripts: on one line, and without control characters."""

from podtts.errors import ScriptError
from podtts.text.characters import (
    control_character_problem,
    find_control_character,
    unify_newlines,
)


def one_line(text: str, source: str, line: int) -> str:
    """Return a string on one line: line ends become spaces, outer white space is removed.

    Raises ScriptError for a control character, because escapes bypass the check of the file's text.
    """
    text = unify_newlines(text)
    offset = find_control_character(text)
    if offset is not None:
        raise ScriptError(source, line, *control_character_problem(text[offset]))
    return " ".join(filter(None, (part.strip() for part in text.split("\n"))))
