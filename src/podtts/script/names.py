"""Names of speakers as people write them: `Speaker 1`, `Dr. Smith`, `小明`."""

import re
import unicodedata

# One word of a name; a letter may be written as a base and combining marks.
_WORD = r"[^\W_](?:[\w\u0300-\u036f'’&./+]|-(?!-)){0,31}(?<!_)"
NAME = rf"{_WORD}(?:,?[ \u00a0\u3000](?!\d{{1,2}}:\d\d){_WORD}){{0,3}}"  # no time of day
MAX_NAME_CHARACTERS = 48
_ROLE = re.compile(
    r"(?:speaker|spk|host|co-?host|guest|person|voice|narrator|interviewer|interviewee|moderator"
    r"|participant|character|actor|s)[ _-]?"
    r"(?:\d{1,2}|[A-D]\b|one|two|three|four)"
    r"|(?:说话人|发言人|讲者|主持人?|嘉宾|角色|旁白|男声|女声)[ ]?"
    r"(?:\d{1,2}|[A-D一二三四甲乙丙丁])",
    re.IGNORECASE,
)
_PARTICLES = {
    *("of", "the", "de", "del", "della", "van", "von", "der", "den", "da", "di", "du"),
    *("la", "le", "el", "al", "bin", "ibn", "y", "e", "and", "&"),
}


def as_name(written: str) -> str | None:
    """Return a name in Unicode NFC with single spaces, or None if it cannot name a speaker."""
    name = unicodedata.normalize("NFC", " ".join(written.split()))
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not any(c.isalpha() for c in name):
        return None
    return name if name[0].isalpha() or name[0].isdecimal() else None


def is_role(name: str) -> bool:
    """Whether a name can be nothing else: Speaker 1, HOST_2, S1, 说话人1."""
    return _ROLE.fullmatch(name) is not None


def is_name_like(written: str) -> bool:
    """Whether a text is written as names are: every word begins with a capital or has no case."""
    name = as_name(written)
    if name is None or re.fullmatch(NAME, name) is None:
        return False
    words = name.split()
    return not words[0][0].islower() and all(
        not word[0].islower() or word in _PARTICLES for word in words
    )
