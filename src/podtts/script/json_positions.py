"""Parses JSON together with line numbers, so that messages can name the line of an error."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

# Numbers as floats: converting a very long integer in an unknown key would fail.
DECODER = json.JSONDecoder(parse_int=float)


@dataclass(frozen=True)
class JsonEntry:
    """A member of a JSON object or array, and its position."""

    key: str  # empty in an array
    value: object
    line: int  # of the start of the entry, 1-based
    value_at: int  # offset of the value in the text
    value_line: int


def entries(text: str, at: int, line: int) -> Iterator[JsonEntry]:
    """Yield the members of the object or array that starts at offset `at`, on line `line`.

    The text must be valid JSON with `\\n` as its only line end. Takes time linear in its length.
    """
    is_object = text[at] == "{"

    def skip(start: int, stop: int) -> int:
        """Return the offset of the first non-blank from `stop` on; count lines from `start`."""
        nonlocal line
        while text[stop] in " \t\n":
            stop += 1
        line += text.count("\n", start, stop)
        return stop

    at = skip(at, at + 1)
    while text[at] not in "}]":
        entry_line, key = line, ""
        if is_object:
            key, end = DECODER.raw_decode(text, at)
            at = skip(at, end)  # to the colon
            at = skip(at, at + 1)
        value, end = DECODER.raw_decode(text, at)
        yield JsonEntry(key, value, entry_line, at, line)
        at = skip(at, end)
        if text[at] == ",":
            at = skip(at, at + 1)
