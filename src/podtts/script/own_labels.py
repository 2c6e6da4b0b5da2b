"""Labels in podtts' own form: `[S1] Hello.` and `S1: Hello.` at the beginning of a line."""

import re
import unicodedata

from podtts.script.directions import meaning

_LABEL = re.compile(r"[^\W\d_][\w-]{0,31}")
# A letter may be written as a base and combining marks; labels are composed before the check.
WRITTEN_LABEL = r"[^\W\d_][\w\u0300-\u036f-]{0,63}"
TURN = re.compile(
    rf"\[(?P<bracketed>{WRITTEN_LABEL})\](?::(?=[ \t]|\Z)|：)?"
    rf"|(?P<named>{WRITTEN_LABEL})[:：](?:(?=[ \t]|[^\x00-\x7f])|(?P<nothing_after>\Z))"
)


def as_label(written: str) -> str | None:
    """Return the label in Unicode NFC, or None if it is not a valid label."""
    label = unicodedata.normalize("NFC", written)
    return label if _LABEL.fullmatch(label) and label[0].isalpha() else None


def label_of(turn: re.Match[str]) -> str | None:
    """Return the label of a line that matched TURN."""
    return as_label(turn["bracketed"] or turn["named"])


def is_direction(turn: re.Match[str]) -> bool:
    """Whether a line that matched TURN begins with a direction in brackets: `[laughs] Well.`

    A direction without a sound is one only if nothing follows it: `[music]`.
    """
    found = meaning(turn["bracketed"]) if turn["bracketed"] else None
    return bool(found) or (found == "" and not turn.string[turn.end() :].strip())
