"""Decodes and checks the characters of a script: UTF-8 without control characters."""

import codecs
import re

from podtts.errors import ScriptError

# Lone surrogates are not valid UTF-8, but JSON escapes and programs can produce them.
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

# UTF-32 first: its little-endian mark starts with the mark of UTF-16.
_OTHER_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

_SAVE_AS_UTF8 = "save it as UTF-8"


def decode_utf8(raw: bytes, source: str) -> str:
    """Return the text of a script file. Raises ScriptError when it is not UTF-8."""
    for mark, name in _OTHER_ENCODINGS:
        if raw.startswith(mark):
            raise ScriptError(source, 1, f"the file is {name}, not UTF-8", _SAVE_AS_UTF8)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = unify_newlines(raw[: error.start].decode("utf-8")).count("\n") + 1
        raise ScriptError(
            source,
            line,
            f"byte 0x{raw[error.start]:02x} at offset {error.start} is not UTF-8",
            _SAVE_AS_UTF8,
        ) from None


def clean_text(text: str, source: str) -> str:
    """Return the text without a byte order mark and with `\\n` as its only line end.

    Raises ScriptError for a control character other than a tab or line end.
    """
    text = unify_newlines(text.removeprefix("\ufeff"))
    offset = find_control_character(text)
    if offset is not None:
        raise ScriptError(
            source, text.count("\n", 0, offset) + 1, *control_character_problem(text[offset])
        )
    return text


def unify_newlines(text: str) -> str:
    """Return the text with `\\n` as its only line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def find_control_character(text: str) -> int | None:
    """Return the offset of the first character that a script must not contain, or None."""
    match = _CONTROL_CHARACTER.search(text)
    return match.start() if match else None


def control_character_problem(character: str) -> tuple[str, str]:
    """Return the problem and the hint for a character that `find_control_character` found."""
    if character == "\x00":  # typical of UTF-16 without a mark, and of binary files
        return "a NUL character: this is not UTF-8 text", _SAVE_AS_UTF8
    return f"a control character (U+{ord(character):04X})", "delete it"


def excerpt(text: str, limit: int = 40) -> str:
    """Return the text for a message: on one line, with at most `limit` characters."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(character if character.isprintable() else "\ufffd" for character in short)
