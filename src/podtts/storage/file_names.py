"""Checks names that users choose and files get: they must be valid on every system."""

import re
import unicodedata

MAX_NAME_BYTES = 100  # leaves room for suffixes in file names

_SEPARATORS = "/\\:"
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # Unicode: control, surrogate, line and paragraph separator
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)


def file_name_problem(name: str) -> str | None:
    """Return why a name is not a valid file name on every system, or None when it is."""
    if not name:
        return "it is empty"
    if name != name.strip():
        return "it begins or ends with white space"
    if name.startswith("."):
        return "it begins with a dot"
    if any(character in _SEPARATORS for character in name):
        return "it contains one of / \\ :"
    if any(unicodedata.category(character) in _UNPRINTABLE for character in name):
        return "it contains a control character"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} bytes"
    if _DEVICE.match(name):
        return "Windows reserves that name for a device"
    return None
