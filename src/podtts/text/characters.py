"""Bytes to characters: a script is UTF-8 text without control characters."""

import codecs
import re

from podtts.errors import ScriptError

# Lone surrogates cannot be written as UTF-8; only JSON escapes and programs can bring them here.
_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_OTHER_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)

_SAVE_AS_UTF8 = "save it as UTF-8"


def decode_utf8(raw: bytes, source: str) -> str:
    """Return the text of a script file; raise ScriptError where it is not UTF-8."""
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
    """Return the text without byte order mark and with `\\n` alone as line end.

    Raises ScriptError at the first control character other than tab and line end.
    """
    text = unify_newlines(text.removeprefix("\ufeff"))
    offset = find_unspeakable(text)
    if offset is not None:
        raise ScriptError(
            source, text.count("\n", 0, offset) + 1, *unspeakable_problem(text[offset])
        )
    return text


def unify_newlines(text: str) -> str:
    """Return the text with `\\n` alone as line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def find_unspeakable(text: str) -> int | None:
    """Return the offset of the first character that no script may hold, or None."""
    found = _UNSPEAKABLE.search(text)
    return found.start() if found else None


def unspeakable_problem(character: str) -> tuple[str, str]:
    """Return problem and hint for a character that `find_unspeakable` found."""
    if character == "\x00":  # the sign of UTF-16 without a mark, or of a file that is no text
        return "a NUL character; this is no UTF-8 text", _SAVE_AS_UTF8
    return f"a control character (U+{ord(character):04X})", "delete it"


def excerpt(text: str, limit: int = 40) -> str:
    """Return the text as a message may show it: on one line, `limit` characters at most."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(character if character.isprintable() else "\ufffd" for character in cut)
