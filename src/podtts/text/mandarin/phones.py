"""Telephone and card numbers in Mandarin, read digit by digit. In most of these, 1 is 幺."""

import re

from podtts.text.grammar import Match, Rule
from podtts.text.mandarin import numbers

_START, _END = r"(?<![A-Za-z0-9.,+$])", r"(?![A-Za-z0-9]|[.,-][0-9])"
_CHINA = r"(?:(?P<plus>\+|00)?(?P<country>86)[ -]?)?"
_MOBILE = re.compile(
    rf"(?<![A-Za-z0-9.,$]){_CHINA}"
    rf"(?P<number>1[3-9][0-9](?P<gap>[ -]?)[0-9]{{4}}(?P=gap)[0-9]{{4}}){_END}",
    re.ASCII,
)
_LANDLINE = re.compile(
    rf"(?<![A-Za-z0-9.,$]){_CHINA}"
    r"(?P<number>(?:[(（]0[0-9]{2,3}[)）]|0[0-9]{2,3}[ -])[ -]?[0-9]{3,4}[ -]?[0-9]{4}"
    rf"(?:-[0-9]{{1,4}})?){_END}",
    re.ASCII,
)
_SERVICE = re.compile(
    rf"{_START}[48]00[ -]?(?:[0-9]{{3}}[ -]?[0-9]{{4}}|[0-9]{{4}}[ -]?[0-9]{{3}}){_END}", re.ASCII
)
_FOREIGN = re.compile(
    r"(?<![A-Za-z0-9.,$])\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,5}\)?){2,5}(?![A-Za-z0-9])", re.ASCII
)
_GROUPS = re.compile(
    rf"{_START}(?:[0-9]+(?:[- ][0-9]{{4}}){{2,}}|[0-9]+(?:-[0-9X]+){{2,}}){_END}", re.ASCII
)
_INTERNET = re.compile(
    r"(?<![A-Za-z0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![A-Za-z0-9]|\.[0-9])", re.ASCII
)


def grouped(text: str, one: str) -> str:
    """138-1234 -> 幺三八 幺二三四"""
    return " ".join(
        "".join(numbers.spelled(p, one) if p.isdecimal() else p for p in group)
        for group in re.findall("[0-9X]+", text)
    )


def _country(match: Match) -> str:
    if not match["country"]:
        return ""
    return ("加" if match["plus"] == "+" else "") + numbers.spelled(match["country"]) + " "


def _read_mobile(match: Match) -> str:
    return _country(match) + grouped(match["number"], "幺")


def _read_landline(match: Match) -> str:
    return _country(match) + grouped(match["number"], "一")


def _read_service(match: Match) -> str:
    return grouped(match[0], "幺")


def _read_foreign(match: Match) -> str | None:
    has_enough = len(re.sub("[^0-9]", "", match[0])) > 6
    return f"加{grouped(match[0], '一')}" if has_enough else None


def _read_groups(match: Match) -> str:
    return grouped(match[0], "一")


def _read_internet(match: Match) -> str:
    return "点".join(map(numbers.spelled, match[0].split(".")))


RULES = (
    Rule("phone", _MOBILE, _read_mobile),
    Rule("phone", _LANDLINE, _read_landline),
    Rule("phone", _SERVICE, _read_service),
    Rule("phone", _FOREIGN, _read_foreign),
    Rule("digits", _INTERNET, _read_internet),
    Rule("digits", _GROUPS, _read_groups),
)
