"""The form of addresses of web and mail, of files, hashtags and handles, for all languages.

How they are read is up to the language.
"""

import re

from podtts.text.grammar import word_set

ACCENTED = r"\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"  # Latin letters beyond ASCII
_CHARACTER = rf"[A-Za-z0-9\-._~:/?#@!$&'*+,;=%{ACCENTED}]"
_END = r"(?<![.,!?;:'*])"  # punctuation at the end is not part of an address
_LETTER = rf"[A-Za-z0-9{ACCENTED}]"
_NAME = rf"{_LETTER}(?:[A-Za-z0-9_{ACCENTED}-]*{_LETTER})?"
_NOT_AFTER, _NOT_BEFORE = r"(?<![A-Za-z0-9_@.])", r"(?![A-Za-z0-9_])"

URL = re.compile(
    rf"{_NOT_AFTER}(?:[A-Za-z][A-Za-z0-9+.-]*://|www\.){_CHARACTER}+{_END}", re.IGNORECASE
)
MAIL = re.compile(
    rf"(?:mailto:)?[A-Za-z0-9][A-Za-z0-9_.&+%-]*@{_NAME}(?:\.{_NAME})+(?:/{_CHARACTER}*{_END})?"
)
DOMAIN = re.compile(
    rf"{_NOT_AFTER}(?P<host>(?:{_NAME}\.)+(?P<end>[a-z]{{2,}}|[A-Z]{{2,}})|localhost(?=[:/]))"
    rf"{_NOT_BEFORE}(?!['’][A-Za-z])(?::[0-9]+)?(?P<path>[/?#]{_CHARACTER}*{_END}|/)?"
)
PATH = re.compile(
    rf"(?<![A-Za-z0-9_.~/])(?:~|\.{{1,2}})?/{_NAME}(?:[./]{_NAME})+/?{_NOT_BEFORE}"
    rf"|(?<![A-Za-z0-9_])[A-Za-z]:\\(?:{_NAME}[\\.]?)*"
)
HANDLE = re.compile(rf"{_NOT_AFTER}@(?P<name>[A-Za-z](?:[A-Za-z0-9_.]*[A-Za-z0-9_])?)")
PIECE = re.compile(r"[0-9]+|[^\W\d_]+|.")  # of an address: digits, letters or one sign

_KNOWN_ENDS = word_set(
    "com org net edu gov mil int info biz io ai dev app co me tv xyz club shop online site blog "
    "news tech cloud fm gg ly eu uk us de fr it es nl be ch at ca au nz jp cn hk tw kr in br mx ru "
    "pl se no dk fi ie pt gr cz hu ro za sg my th vn id tr il ae "
    "pdf html htm js ts py css json xml csv txt md png jpg jpeg gif svg mp3 mp4 wav zip exe php "
    "doc docx xls xlsx ppt pptx epub yaml yml toml ini cfg log sh rs cpp"
)
_ABBREVIATION = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]{1,2}")  # e.g, a.m, Ph.D


def is_address(domain: re.Match[str]) -> bool:
    """Whether a match of DOMAIN is the name of a host or a file.

    Others are abbreviations, or sentences without a space between them.
    """
    host = domain["host"]
    labels = host.split(".")
    if len(labels) == 1:
        return True
    is_short = _ABBREVIATION.fullmatch(host) and not domain["path"]
    if is_short or all(label.isdecimal() for label in labels[:-1]):
        return False
    is_lower = host == host.lower() and min(map(len, labels)) > 1
    return labels[-1].lower() in _KNOWN_ENDS or is_lower
