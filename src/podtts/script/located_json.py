"""JSON values together with the lines they stand on, so that messages can name them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

# As floats, endless numbers in unknown keys do no harm.
DECODER = json.JSONDecoder(parse_int=float)


@dataclass(frozen=True)
class JsonEntry:
    """A member of a JSON object or array, and where it stands."""

    key: str  # empty in an array
    value: object
    line: int  # where the entry starts, 1-based
    value_at: int  # offset of the value in the text
    value_line: int


def entries(text: str, at: int, line: int) -> Iterator[JsonEntry]:
    """Yield the members of the object or array that starts at offset `at`, on line `line`.

    The text must be valid JSON with `\\n` as its only line end; the walk is linear in its length.
    """
    keyed = text[at] == "{"

    def skip(start: int, stop: int) -> int:
        """Return the first non-blank from `stop` on; count the lines between `start` and it."""
        nonlocal line
        while text[stop] in " \t\n":
            stop += 1
        line += text.count("\n", start, stop)
        return stop

    at = skip(at, at + 1)
    while text[at] not in "}]":
        entry_line, key = line, ""
        if keyed:
            key, end = DECODER.raw_decode(text, at)
            at = skip(at, end)  # to the colon
            at = skip(at, at + 1)
        value, end = DECODER.raw_decode(text, at)
        yield JsonEntry(key, value, entry_line, at, line)
        at = skip(at, end)
        if text[at] == ",":
            at = skip(at, at + 1)
