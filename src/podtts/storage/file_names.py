"""Names that people give and files get: what is a file name on every system."""

import re
import unicodedata

LONGEST_NAME_BYTES = 100  # leaves room for what stands behind a name in a file's

_SEPARATORS = "/\\:"
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # Unicode: control, surrogate, line and paragraph separator
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)


def file_name_problem(name: str) -> str | None:
    """What keeps a name from being a file's on some system, in words; None when nothing does."""
    if not name:
        return "it is empty"
    if name != name.strip():
        return "it begins or ends with white space"
    if name.startswith("."):
        return "it begins with a dot"
    if any(character in _SEPARATORS for character in name):
        return "it holds one of / \\ :"
    if any(unicodedata.category(character) in _UNPRINTABLE for character in name):
        return "it holds a control character"
    if len(name.encode()) > LONGEST_NAME_BYTES:
        return f"it is longer than {LONGEST_NAME_BYTES} bytes"
    if _DEVICE.match(name):
        return "Windows keeps that name for a device"
    return None
