"""Telephone, card and account numbers in English: groups of digits, read one by one."""

import re

from podtts.text.english import numbers
from podtts.text.grammar import Match, Rule, after, before

_START = r"(?<![\w.,$€£/])"
_END = r"(?![\w$€£%]|[.,/-][0-9])"
_PHONE = re.compile(
    rf"{_START}(?:"
    r"\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,5}\)?)(?:[ .-]?[0-9]{2,5}){1,4}"  # +44 20 7946 0958
    r"|\+[0-9]{8,15}"
    # (800) 555-0199, (020) 7946 0958
    r"|(?:1[ -]?)?\([0-9]{2,5}\)[ .-]?[0-9]{3,4}(?:[ .-]?[0-9]{3,4})?"
    r"|(?:1[ .-])?[2-9][0-9]{2}(?P<gap>[ .-])[0-9]{3}(?P=gap)[0-9]{4}"  # 555-123-4567
    r"|[0-9]{3}-[0-9]{3}-[0-9]{4}"
    r"|0[0-9]{2,4}[ /-][0-9]{3,4}(?:[ -]?[0-9]{3,4})?"  # 020 7946 0958
    r"|[2-9][0-9]{2}-[0-9]{4}"  # 555-1234
    rf")(?:-[0-9]+)*{_END}"
)
_EXTENSION = re.compile(
    r"(?<!\w)(?P<word>x|ext\.?|extension) ?(?P<digits>[0-9]{2,6})(?!\w)", re.IGNORECASE
)
_VANITY = re.compile(
    r"(?<![\w.,$/-])(?:\+?1-)?(?:8[0-9]{2}|900)-(?=[0-9-]*[A-Z])[A-Z0-9][A-Z0-9-]*[A-Z0-9](?![\w-])"
)
# Cards, accounts, ISBNs and social security numbers.
_GROUPS = re.compile(
    rf"(?<![\w.,$€£/+-])(?:[0-9]{{4}}(?:[ -][0-9]{{4}}){{2,}}|[0-9]+(?:-[0-9X]+){{2,}}){_END}"
)
_HARDWARE = re.compile(r"(?<![\w:])[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}(?![\w:])")
_INTERNET = re.compile(
    r"(?<![\w.])(?P<host>[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?:(?P<gap>[/:])(?P<rest>[0-9]{1,5}))?"
    r"(?!\w|\.[0-9])"
)
_EMERGENCY = re.compile(r"(?<![\w.,$€£/-])(?P<digits>911|112|999|988)(?![\w%]|[.,:/-][0-9])")
_EMERGENCY_WORD = re.compile(
    r"\b(?:call(?:s|ed|ing)?|dial(?:s|ed|ing)?|emergency|phone)[ ,:]*"
    r"(?:[0-9]{3}(?:,| or| and) (?:or )?)*$",
    re.IGNORECASE,
)
_DIALLED = re.compile(
    r"\b(?:dial(?:s|ed|ling|ing)?|press(?:es|ed|ing)?|enter(?:s|ed|ing)?|key in|type|code)[ ,:]*"
    r"(?:[*#0-9]+(?:,| or| and| then) )*$",
    re.IGNORECASE,
)
_KEYS = re.compile(r"(?<![\w*#])[*#][0-9]{1,8}(?P<end>[*#]?)(?![\w*#])")
_CAR = re.compile(r"(?:Porsche|Carrera) $")
_ERA = re.compile(r" (?:B\.?C|A\.?D|C\.?E)")
COUNTED = re.compile(
    r"[ -](?!(?:is|was|has|as|this|its|plus)\b)(?:[a-z]+ )?"
    r"(?:[a-z]{2,}s|people|men|women|children|feet|percent|million|billion|thousand|more|times)\b"
)


def grouped(text: str) -> str:
    """555-1234 -> five five five, one two three four"""
    return ", ".join(map(_group, re.findall(r"[0-9X]+", text)))


def _group(group: str) -> str:
    if group == "800":
        return "eight hundred"
    return " ".join(numbers.spelled(piece) if piece.isdecimal() else piece for piece in group)


def _read_phone(match: Match) -> str | None:
    text = match[0]
    if len(re.sub("[^0-9]", "", text)) < 7 or _ERA.match(after(match)):
        return None
    return f"plus {grouped(text)}" if text.startswith("+") else grouped(text)


def _read_extension(match: Match) -> str | None:
    if match["word"] in "xX" and not re.search(r"[0-9],? ?$", before(match)):
        return None
    return f"extension {numbers.spelled(match['digits'])}"


def _read_vanity(match: Match) -> str:
    words = []
    for group in match[0].lstrip("+").split("-"):
        pieces = re.findall(r"[0-9]+|[A-Z]+", group)
        words += [f"{_group(piece)}," if piece.isdecimal() else piece for piece in pieces]
    return " ".join([*["plus"] * match[0].startswith("+"), *words]).rstrip(",")


def _read_groups(match: Match) -> str:
    return grouped(match[0])


def _read_hardware(match: Match) -> str:
    pieces = re.findall(r"[0-9]|[A-Za-z]", match[0])
    return " ".join(numbers.spelled(p) if p.isdecimal() else p.upper() for p in pieces)


def _read_internet(match: Match) -> str:
    words = " dot ".join(map(numbers.spelled, match["host"].split(".")))
    if not match["gap"]:
        return words
    gap = "slash" if match["gap"] == "/" else "colon"
    return f"{words} {gap} {numbers.pairs(match['rest'])}"


def _read_emergency(match: Match) -> str | None:
    digits = match["digits"]
    if COUNTED.match(after(match)):
        return None
    if _CAR.search(before(match)):
        return numbers.pairs(digits)
    is_called = digits == "911" or _EMERGENCY_WORD.search(before(match))
    return numbers.spelled(digits) if is_called else None


def _read_keys(match: Match) -> str | None:
    """*67 and #31#, which are dialled -> star six seven, hash three one hash"""
    if not match["end"] and not _DIALLED.search(before(match)):
        return None
    names = {"*": "star", "#": "hash"}
    return " ".join(names.get(key) or numbers.spelled(key) for key in match[0])


RULES = (
    Rule("phone", _KEYS, _read_keys),
    Rule("phone", _VANITY, _read_vanity),
    Rule("phone", _PHONE, _read_phone),
    Rule("phone", _EXTENSION, _read_extension),
    Rule("digits", _GROUPS, _read_groups),
    Rule("digits", _HARDWARE, _read_hardware),
    Rule("digits", _INTERNET, _read_internet),
    Rule("digits", _EMERGENCY, _read_emergency),
)
