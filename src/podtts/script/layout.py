"""Lines of a plain script that are no speech: rules, fences, headings, foot notes, front matter."""

import re
from collections.abc import Sequence

from podtts.script.markup import without_emphasis, without_links

_RULE = re.compile(r"\s{0,3}(?:[-*_=~#][ \t]?){3,}\s*|\s{0,3}[—–─━═]{2,}\s*|>{1,3}\s*")
_FENCE = re.compile(r"\s{0,3}(?:`{3,}|~{3,})[ \t]*[\w.-]{0,20}\s*")
_FOOT_NOTE = re.compile(r"\s{0,3}\[\^[^\[\]\s]{1,40}\]:\s*(?P<note>.*)")
_HEADING = re.compile(r"#{1,6}\s(?P<title>.*)")
_UNDERLINE = re.compile(r"={3,}\s*")
_BULLET = re.compile(r"(?:[-*+•‣◦▪]|>{1,3})[ \t]+(?=\S)")
_KEY = re.compile(r"[\w-]{1,40}:(?:\s|\Z)|\s|-\s|\Z|#")
_FRONT_MATTER_LINES = 60


def is_ornament(line: str) -> bool:
    """Whether a line is a rule or a fence of code."""
    return _RULE.fullmatch(line) is not None or _FENCE.fullmatch(line) is not None


def foot_note(line: str) -> str | None:
    """Return the text of a foot note, which stands below what it belongs to, or None."""
    match = _FOOT_NOTE.match(line)
    return match["note"] if match else None


def heading_title(line: str) -> str | None:
    """Return the title of a heading, without emphasis and links; None for any other line."""
    match = _HEADING.match(line)
    return plain_title(match["title"]) if match else None


def plain_title(title: str) -> str:
    """Return a title without emphasis and links."""
    return without_emphasis(without_links(title, lambda _: None)).strip()


def is_underlined(line: str, following: str) -> bool:
    """Whether a line is a heading because the line after it is made of `=`."""
    return bool(line.strip()) and _UNDERLINE.fullmatch(following) is not None


def without_bullet(line: str) -> str:
    """Return a line without the mark of a list or quotation before it."""
    return _BULLET.sub("", line, count=1) if _BULLET.match(line) else line


def front_matter_length(lines: Sequence[str]) -> int:
    """Return how many lines at the beginning are front matter (YAML between `---`); 0 for none."""
    if not lines or lines[0].strip() != "---":
        return 0
    for count, line in enumerate(lines[1:_FRONT_MATTER_LINES], 2):
        if line.strip() in ("---", "..."):
            return count if count > 2 else 0
        if not _KEY.match(line):
            return 0
    return 0
