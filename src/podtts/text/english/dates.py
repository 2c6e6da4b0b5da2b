"""Dates in English, in all usual orders, and ranges of weekdays.

5/6/2024 is month, day, year, as in America; 5.6.2024 and 5-6-2024 are day, month, year.
"""

import re

from podtts.text.english import numbers
from podtts.text.grammar import Match, Rule, after, before

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SHORT = {month[:3].lower(): month for month in _MONTHS} | {"sept": "September"}
_WEEKDAYS = {
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "thu": "Thursday",
    "thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip

MONTH = rf"(?:{'|'.join(_MONTHS)}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
WEEKDAY = r"(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)"
_MONTH = rf"(?P<month>{MONTH})(?![a-z])\.?"
_DAY_NUMBER = r"(?:0?[1-9]|[12][0-9]|3[01])"
_SUFFIX = r"(?:st|nd|rd|th)?(?![0-9A-Za-z:])"
_DAY = rf"(?P<day>{_DAY_NUMBER}){_SUFFIX}(?![.,][0-9])"
_LAST_DAY = rf"(?: ?[-–—/] ?(?P<last>{_DAY_NUMBER}){_SUFFIX})?"
_YEAR = r"(?P<year>['’][0-9]{2}|[0-9]{4})(?![0-9A-Za-z%]|[.,:/][0-9])"
_MONTH_FIRST = re.compile(
    rf"(?<!\w){_MONTH}[ -](?:the )?{_DAY}{_LAST_DAY}(?:(?:,? |-){_YEAR})?", re.IGNORECASE
)
_DAY_FIRST = re.compile(
    rf"(?<![\w.,$/-])(?P<the>the )?{_DAY}{_LAST_DAY}[ -](?:of )?{_MONTH}(?:(?:,? |-){_YEAR})?"
    r"(?!\w)",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(rf"(?<!\w){_MONTH},? {_YEAR}", re.IGNORECASE)
_START, _END = r"(?<![\w.,/-])", r"(?![\w/-]|[.,][0-9])"
_YEAR_FIRST = re.compile(
    rf"{_START}(?P<year>[12][0-9]{{3}})(?P<gap>[-/.])(?P<month>0?[1-9]|1[0-2])(?P=gap)"
    rf"(?P<day>{_DAY_NUMBER}){_END}"
)
_YEAR_LAST = re.compile(
    rf"{_START}(?P<first>{_DAY_NUMBER})(?P<gap>[-/.])(?P<second>{_DAY_NUMBER})(?P=gap)"
    rf"(?P<year>[12][0-9]{{3}}|[0-9]{{2}}){_END}"
)
# A month and a day without a year are as well a fraction: only where a day is expected.
_MONTH_DAY = re.compile(
    rf"(?<=\b(?:on|by) )(?P<month>0?[1-9]|1[0-2])/(?P<day>{_DAY_NUMBER})(?![\w/-]|[.,][0-9])"
)
_MONTHS_RANGE = re.compile(
    rf"(?<!\w)(?P<first>{MONTH})(?![a-z])\.? ?[-–—] ?(?P<last>{MONTH})(?![a-z])"
    r"(?:\.(?=\s+[a-z0-9]))?"
)
_WEEKDAYS_RANGE = re.compile(
    rf"(?<!\w)(?P<first>{WEEKDAY})\.? ?(?:[-–—]| to ) ?(?P<last>{WEEKDAY})"
    r"(?:\.(?=\s+[a-z0-9])|(?!\w))"
)
_WEEKDAY = re.compile(rf"(?<!\w)(?P<day>{WEEKDAY})(?:\.,?|,)(?= (?:{MONTH}\b|[0-9]))")
_ORDINAL = re.compile(r"[0-9](?:st|nd|rd|th)\b")
_THE = re.compile(r"\bthe $", re.IGNORECASE)


def article(match: Match) -> str:
    """Return "the " for the words of a match, unless it stands before the match."""
    return "" if _THE.search(before(match)) else "the "


def full_stop(match: Match) -> str:
    """Return the dot of an abbreviation that ends its sentence: it is a full stop as well."""
    is_last = match[0].endswith(".") and before(match).strip() and not after(match).strip()
    return "." if is_last else ""


def _month(word: str) -> str:
    return _SHORT["sept" if word.lower() == "sept" else word[:3].lower()]


def _is_verb(match: Match) -> bool:
    """Whether may or march is the verb: they may 5 times out of 10."""
    is_word = match["month"] in ("may", "march")
    return is_word and not match["year"] and not _ORDINAL.search(match[0])


def _days(match: Match) -> str:
    first = numbers.ordinal(match["day"])
    return f"{first} to the {numbers.ordinal(match['last'])}" if match["last"] else first


def _year(match: Match) -> str:
    year = (match["year"] or "").lstrip("'’")
    return f" {numbers.short_year(year)}" if year else ""


def _read_month_first(match: Match) -> str | None:
    if _is_verb(match):
        return None
    return f"{_month(match['month'])} {_days(match)}{_year(match)}"


def _read_day_first(match: Match) -> str | None:
    if _is_verb(match):
        return None
    the = match["the"] or article(match)
    return f"{the}{_days(match)} of {_month(match['month'])}{_year(match)}{full_stop(match)}"


def _read_month_year(match: Match) -> str | None:
    if match["month"] in ("may", "march"):
        return None
    return f"{_month(match['month'])}{_year(match)}"


def _read_year_first(match: Match) -> str:
    return _american(match["month"], match["day"], match["year"])


def _read_year_last(match: Match) -> str | None:
    first, second, year = match["first"], match["second"], match["year"]
    if len(year) == 2 and match["gap"] != "/":
        return None  # as well a version or a score
    is_american = (match["gap"] == "/" and int(first) <= 12) or int(second) > 12
    month, day = (first, second) if is_american else (second, first)
    if int(month) > 12:
        return None
    if is_american:
        return _american(month, day, year)
    day_words, month_words = numbers.ordinal(day), _MONTHS[int(month) - 1]
    return f"{article(match)}{day_words} of {month_words} {numbers.short_year(year)}"


def _american(month: str, day: str, year: str) -> str:
    return f"{_MONTHS[int(month) - 1]} {numbers.ordinal(day)} {numbers.short_year(year)}"


def _read_month_day(match: Match) -> str:
    return f"{_MONTHS[int(match['month']) - 1]} {numbers.ordinal(match['day'])}"


def _read_months(match: Match) -> str:
    return f"{_month(match['first'])} to {_month(match['last'])}"


def _read_weekdays(match: Match) -> str:
    first, last = (_WEEKDAYS[match[end].lower()] for end in ("first", "last"))
    return f"{first} to {last}"


def _read_weekday(match: Match) -> str:
    return f"{_WEEKDAYS[match['day'].lower()]},"


RULES = (
    Rule("weekday", _WEEKDAYS_RANGE, _read_weekdays),
    Rule("weekday", _WEEKDAY, _read_weekday),
    Rule("date", _YEAR_FIRST, _read_year_first),
    Rule("date", _MONTH_DAY, _read_month_day),
    Rule("months", _MONTHS_RANGE, _read_months),
    Rule("date", _YEAR_LAST, _read_year_last),
    Rule("date", _MONTH_FIRST, _read_month_first),
    Rule("date", _DAY_FIRST, _read_day_first),
    Rule("date", _MONTH_YEAR, _read_month_year),
)
