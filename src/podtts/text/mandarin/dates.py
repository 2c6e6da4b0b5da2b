"""Dates, years and decades in Mandarin."""

import re

from podtts.text.grammar import Match, Rule, after, before, either
from podtts.text.mandarin import numbers

_DASH = r"[-–—~～]"
_DAY, _TWO_DIGIT_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])", r"(?:0[1-9]|[12][0-9]|3[01])"
_MONTH, _TWO_DIGIT_MONTH = r"(?:0?[1-9]|1[0-2])", r"(?:0[1-9]|1[0-2])"
_MODERN = r"(?:1[89][0-9]{2}|20[0-9]{2})"
_START, _END = r"(?<![\w.,/-])", r"(?![\w/]|[.,-][0-9])"
_NO_AMOUNT = r"(?!%|元|万|亿|米|公|个)"
_YEAR_MONTH_DAY = re.compile(
    rf"{_START}(?P<year>[12][0-9]{{3}}|[0-9]{{2}}(?=/))(?P<gap>[-/.·])(?P<month>{_MONTH})(?P=gap)"
    rf"(?P<day>{_DAY})日?{_END}",
    re.ASCII,
)
_DAY_MONTH_YEAR = re.compile(
    rf"{_START}(?P<day>{_TWO_DIGIT_DAY})(?P<gap>[-/.])(?P<month>{_TWO_DIGIT_MONTH})(?P=gap)"
    rf"(?P<year>[12][0-9]{{3}}){_END}",
    re.ASCII,
)
_YEAR_MONTH = re.compile(
    rf"{_START}(?P<year>{_MODERN})(?:[-.](?P<month>{_TWO_DIGIT_MONTH})|/(?P<single>{_MONTH}))"
    rf"{_NO_AMOUNT}{_END}",
    re.ASCII,
)
_MONTH_YEAR = re.compile(
    rf"{_START}(?P<month>{_TWO_DIGIT_MONTH})[-/.](?P<year>{_MODERN}){_END}", re.ASCII
)
_MONTH_DAY = re.compile(
    rf"{_START}(?P<month>{_TWO_DIGIT_MONTH})[-/.](?P<day>{_TWO_DIGIT_DAY}){_NO_AMOUNT}{_END}",
    re.ASCII,
)
_HOLIDAY = re.compile(
    rf"{_START}(?P<month>{_MONTH})[/.](?P<day>{_DAY})(?![0-9])(?=[^\s，。]{{0,3}}(?:节|国庆|元旦|生日|假期))",
    re.ASCII,
)
_ERA = re.compile(
    r"(?<![\w.,])(?P<year>[0-9]{1,4})(?:年(?P<month>[0-9]{1,2})月)?"
    r" ?(?P<era>[aA]\.?[dD]|[bB]\.?[cC])\.?(?![A-Za-z])",
    re.ASCII,
)
_DECADE = re.compile(r"(?<![\w.,])(?P<year>[12][0-9]{2}0|[1-9]0)(?:年代|s(?!\w))", re.ASCII)
_BORN = re.compile(r"(?<![\w.,])(?P<year>[5-9][05]|[01][05])后(?![面来天续边者期])", re.ASCII)
_YEAR = re.compile(
    rf"(?<![\w.,])(?P<year>[0-9]{{2,4}})(?:{_DASH}(?P<last>[0-9]{{2,4}}))?(?P<unit>[财学]?年度?)",
    re.ASCII,
)
# Years without 年: 2018届, 2024/25赛季
_NAMED = re.compile(
    rf"{_START}(?P<year>{_MODERN})(?:[/-](?P<next>[0-9]{{2}}|[0-9]{{4}}))?"
    rf"(?={either('届 级 款 版 赛季 世界杯 奥运 欧洲杯 亚运 春晚 高考 考研')})",
    re.ASCII,
)
_MONTH_WORD = re.compile(
    rf"(?<![\w.,])(?P<number>{_MONTH})(?:{_DASH}(?P<last>{_MONTH}))?(?=月(?!饼))", re.ASCII
)
_DAY_WORD = re.compile(
    rf"(?<![\w.,])(?P<number>{_DAY})(?:{_DASH}(?P<last>{_DAY}))?"
    rf"(?=[日号](?!{either('线 楼 院 机 码 元 店')}))",
    re.ASCII,
)
_WEEKDAYS = re.compile(r"(?<=[周期拜][一二三四五六日天])[-–—~～](?=[周星礼])")
WEEKDAYS = _WEEKDAYS.pattern
_ERA_BEFORE = re.compile(r"(?:公元|公元前|纪元|纪元前|西元)$")
_SPAN_BEFORE = re.compile(r"[第近约了这过有满花用整达]$")
_SPAN_AFTER = re.compile(r"(?:后|前|来|内|间|以|多|的历史|历史|时间|期|里|过去|不|才|之)")


def _read_date(match: Match) -> str:
    parts = match.groupdict()
    year = f"{numbers.spelled(parts['year'])}年" if parts.get("year") else ""
    month = f"{numbers.cardinal(parts['month'] or parts['single'])}月"
    day = f"{numbers.cardinal(parts['day'])}日" if parts.get("day") else ""
    return year + month + day


def _read_era(match: Match) -> str:
    era = "公元前" if match["era"][0] in "bB" else "公元"
    month = f"{numbers.cardinal(match['month'])}月" if match["month"] else ""
    return f"{era}{numbers.spelled(match['year'])}年{month}"


def _read_decade(match: Match) -> str:
    year = match["year"]
    return f"{numbers.spelled(year) if len(year) == 4 else numbers.cardinal(year)}年代"


def _read_born(match: Match) -> str:
    return f"{numbers.spelled(match['year'])}后"


def _read_year(match: Match) -> str | None:
    year, last, unit = match["year"], match["last"], match["unit"]
    if last:
        is_range = len(year) == 4 and len(last) in (2, 4)
        return f"{numbers.spelled(year)}到{numbers.spelled(last)}{unit}" if is_range else None
    return f"{numbers.spelled(year)}{unit}" if _is_year(match) else None


def _is_year(match: Match) -> bool:
    """Whether a number before 年 names a year, and does not count years: 98年, but 20年后."""
    year, preceding, following = match["year"], before(match), after(match)
    if _ERA_BEFORE.search(preceding) or re.match(r"[0-9]{1,2}月", following):
        return True
    is_span = _SPAN_AFTER.match(following) is not None
    if len(year) == 4:
        return year[0] in "12" and not (year.endswith("00") and is_span)
    if len(year) != 2 or _SPAN_BEFORE.search(preceding):
        return False
    return year[0] == "0" or (year[0] in "6789" and not is_span)


def _read_named(match: Match) -> str:
    years = [year for year in match.group("year", "next") if year]
    return " ".join(map(numbers.spelled, years))


def _read_part(match: Match) -> str:
    return "到".join(numbers.cardinal(part) for part in match.group("number", "last") if part)


RULES = (
    Rule("date", _YEAR_MONTH_DAY, _read_date),
    Rule("date", _DAY_MONTH_YEAR, _read_date),
    Rule("date", _YEAR_MONTH, _read_date),
    Rule("date", _MONTH_YEAR, _read_date),
    Rule("date", _MONTH_DAY, _read_date),
    Rule("date", _HOLIDAY, _read_date),
    Rule("date", _ERA, _read_era),
)
# These take what is left when codes have been read.
WORD_RULES = (
    Rule("decade", _DECADE, _read_decade),
    Rule("decade", _BORN, _read_born),
    Rule("year", _YEAR, _read_year),
    Rule("year", _NAMED, _read_named),
    Rule("date", _MONTH_WORD, _read_part),
    Rule("date", _DAY_WORD, _read_part),
    Rule("weekday", _WEEKDAYS, lambda _: "到"),
)
