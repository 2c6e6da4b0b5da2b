"""Addresses of web and mail, files, hashtags and handles in English."""

import re

from podtts.text.addresses import ACCENTED, DOMAIN, HANDLE, MAIL, PATH, PIECE, URL, is_address
from podtts.text.english import numbers
from podtts.text.grammar import Match, Rule, word_set

_HASHTAG = re.compile(
    rf"(?<![\w#&])#(?P<name>[0-9]*[A-Za-z{ACCENTED}][A-Za-z0-9_{ACCENTED}]*)(?![\w#])"
)
_SIGNS = {
    ".": "dot", "/": "slash", "\\": "backslash", "-": "dash", "_": "underscore", "@": "at",
    ":": "colon", "&": "ampersand", "=": "equals", "?": "question mark", "#": "hash",
    "%": "percent", "+": "plus", "~": "tilde", "$": "dollar", "!": "exclamation mark",
    "*": "asterisk", ",": "comma", ";": "semicolon", "'": "apostrophe",
}  # fmt: skip
_LETTER_BY_LETTER = word_set(
    "http https ftp www html htm php pdf css js ts py xml csv tv uk us de fr it es nl ch au nz jp "
    "cn hk tw kr br mx ru eu png gif svg sm"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _address(text: str) -> str:
    """x1@y.org/a-b -> x one at y dot org slash a dash b"""
    words = []
    for match in PIECE.finditer(text):
        piece, following = match[0], text[match.end() : match.end() + 1]
        if piece.isdecimal():
            words.append(numbers.cardinal(piece) if following == "%" else numbers.spelled(piece))
        elif piece.lower() in _LETTER_BY_LETTER:
            words.append(piece.upper())
        else:
            words.append("jpeg" if piece == "jpg" else _SIGNS.get(piece, piece))
    return " ".join(words)


def _name(name: str) -> str:
    """PodTTS_2024 -> Pod TTS underscore twenty twenty four"""
    words = []
    for piece in PIECE.findall(name):
        if piece.isdecimal():
            is_year = len(piece) == 4 and piece.startswith(("19", "20"))
            words.append(numbers.year(piece) if is_year else numbers.pairs(piece))
        else:
            words.append(_SIGNS.get(piece) or _HUMP.sub(" ", piece))
    return " ".join(words)


def _read(match: Match) -> str:
    return _address(match[0])


def _read_domain(match: Match) -> str | None:
    return _address(match[0]) if is_address(match) else None


def _read_handle(match: Match) -> str:
    return f"at {_name(match['name'])}"


def _read_hashtag(match: Match) -> str | None:
    if re.fullmatch("[0-9]+[A-Z]?", match["name"]):
        return None  # a number: apartment #4B
    return f"hashtag {_name(match['name'])}"


RULES = (
    Rule("address", URL, _read),
    Rule("address", MAIL, _read),
    Rule("address", DOMAIN, _read_domain),
    Rule("address", PATH, _read),
    Rule("handle", HANDLE, _read_handle),
    Rule("hashtag", _HASHTAG, _read_hashtag),
)
