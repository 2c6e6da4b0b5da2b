"""Times of day, durations, ratios and verses in English."""

import re

from podtts.text.english import numbers
from podtts.text.grammar import Match, Rule, after, before, either
from podtts.text.numerals import parse_numeral

_HALF = r"(?: ?(?P<half>[aApP])\.?[mM](?:(?P<dot>\.)|(?![\w.])|(?=\.)))"
_ZONES = (
    "EST", "EDT", "ET", "PST", "PDT", "PT", "CST", "CDT", "MST", "MDT", "GMT", "UTC", "BST", "CET",
    "CEST", "IST", "JST", "AEST", "HKT",
)  # fmt: skip
_ZONE = (
    rf"(?: ?(?P<zone>{either([*_ZONES, *map(str.lower, _ZONES)])}"
    r"|[ecpmECPM]\.[sdSD]\.[tT]\b)(?!\w))?"
)
_START = r"(?<![\w:.,/$])"
_COLON = re.compile(
    rf"(?<![\w:.,/])(?P<hour>[0-9]{{1,3}}):(?P<minute>[0-9]{{2}})"
    rf"(?::(?P<second>[0-9]{{2}})(?:\.[0-9]+)?)?(?![0-9:]|,[0-9]{{3}}){_HALF}?{_ZONE}"
)
_POINT = re.compile(rf"{_START}(?P<hour>[0-9]{{1,2}})\.(?P<minute>[0-5][0-9]){_HALF}{_ZONE}")
_HOUR = re.compile(rf"{_START}(?P<hour>1[0-9]|2[0-4]|0?[0-9]){_HALF}{_ZONE}")
_FOUR_DIGITS = r"(?:[01][0-9]|2[0-3])[0-5][0-9]"
_MILITARY = re.compile(
    rf"{_START}(?P<first>{_FOUR_DIGITS})(?:[-–](?P<last>{_FOUR_DIGITS}))? ?(?:hrs|hours|h)(?!\w)"
)
_BOOKS = (
    "Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth Samuel Kings Chronicles Job "
    "Psalm Psalms Proverbs Ecclesiastes Isaiah Jeremiah Ezekiel Daniel Matthew Mark Luke John Acts "
    "Romans Corinthians Galatians Ephesians Philippians Colossians Thessalonians Timothy Titus "
    "Hebrews James Peter Jude Revelation Gen. Ex. Matt. Rom. Cor. Rev. Ps."
)
_BOOK = re.compile(rf"{either(_BOOKS)} $")
_VERSE = re.compile(
    r"(?<=[a-z.] )(?P<chapter>[0-9]{1,3}):(?P<verse>[0-9]{1,3})(?:[-–](?P<last>[0-9]{1,3}))?"
    r"(?![\w:])"
)
_RATIO = re.compile(
    r"(?<![\w:.,/])(?P<a>[0-9]+(?:\.[0-9]+)?):"
    r"(?P<b>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:\.[0-9]+)?)(?![\w:]|,[0-9])"
)
_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_DAYS, _HOURS, _MINUTES, _SECONDS = (
    rf"[0-9]+ ?{unit}(?![A-Za-z])"
    for unit in ("d(?:ays?)?", "h(?:ours?|rs?)?", "m(?:inutes?|ins?)?", "s(?:econds?|ecs?)?")
)
_THEN = "(?:,? ?(?=[0-9]))?"
_DURATION = re.compile(
    rf"{_START}(?:(?:{_DAYS}{_THEN})?(?:{_HOURS}{_THEN})?(?:{_MINUTES}{_THEN})?{_SECONDS}"
    rf"|(?:{_DAYS}{_THEN})?(?:{_HOURS}{_THEN})?{_MINUTES}|{_DAYS}{_THEN}{_HOURS})"
)
_COUNTS = re.compile(r"([0-9]+) ?([dhms])")
_HOURS_AND_MINUTES = re.compile(rf"{_START}(?P<hour>[0-9]{{1,2}})h(?P<minute>[0-9]{{2}})(?!\w)")
_SENTENCE_END = re.compile(r"[\"'”’)]*(?:\s*$|\s+[A-Z])")


def _counted(count: str, unit: str) -> str:
    return f"{numbers.cardinal(count)} {unit}{'' if int(count) == 1 else 's'}"


def _suffix(match: Match) -> str:
    """Return what follows the words of a time: AM, the time zone, or the sentence's full stop."""
    words = f" {match['half'].upper()}M" if match["half"] else ""
    if match["zone"]:
        return f"{words} {match['zone'].replace('.', '').upper()}"
    return f"{words}." if match["dot"] and _SENTENCE_END.match(after(match)) else words


def _read_time(match: Match) -> str | None:
    hour, minute, second = match["hour"], match["minute"], match.groupdict().get("second")
    if second:
        words = f"{_counted(hour, 'hour')} {_counted(minute, 'minute')} and "
        return words + _counted(second, "second") + _suffix(match)
    if int(minute) > 59:
        return None
    if minute == "00" and not match["half"]:
        is_midnight = int(hour) in (0, 24)
        words = "midnight" if is_midnight else f"{numbers.cardinal(hour)} o'clock"
    else:
        words = f"{numbers.cardinal(hour)}{_minute(minute)}"
    return words + _suffix(match)


def _minute(minute: str) -> str:
    if minute == "00":
        return ""
    return f" {'oh ' if minute[0] == '0' else ''}{numbers.cardinal(minute)}"


def _read_hour(match: Match) -> str:
    return numbers.cardinal(match["hour"]) + _suffix(match)


def _read_military(match: Match) -> str:
    words = " to ".join(_military(time) for time in match.group("first", "last") if time)
    return f"{words} hours"


def _military(time: str) -> str:
    """0800 -> zero eight hundred"""
    hour, minute = time[:2], time[2:]
    whole = numbers.spelled(hour) if hour[0] == "0" else numbers.cardinal(hour)
    return f"{whole} {'hundred' if minute == '00' else numbers.cardinal(minute)}"


def _read_verse(match: Match) -> str | None:
    if not _BOOK.search(before(match)):
        return None
    words = f"{numbers.cardinal(match['chapter'])} {numbers.cardinal(match['verse'])}"
    return f"{words} to {numbers.cardinal(match['last'])}" if match["last"] else words


def _read_ratio(match: Match) -> str:
    first, last = (numbers.number(parse_numeral(side)) for side in match.group("a", "b"))
    return f"{first} to {last}"


def _read_duration(match: Match) -> str | None:
    counts = _COUNTS.findall(match[0])
    if len(counts) < 2:
        return None
    return " ".join(_counted(count, _UNITS[unit]) for count, unit in counts)


def _read_hours_and_minutes(match: Match) -> str:
    return f"{_counted(match['hour'], 'hour')} {_counted(match['minute'], 'minute')}"


RULES = (
    Rule("verse", _VERSE, _read_verse),
    Rule("time", _MILITARY, _read_military),
    Rule("time", _COLON, _read_time),
    Rule("time", _POINT, _read_time),
    Rule("time", _HOUR, _read_hour),
    Rule("ratio", _RATIO, _read_ratio),
    Rule("duration", _HOURS_AND_MINUTES, _read_hours_and_minutes),
    Rule("duration", _DURATION, _read_duration),
)
