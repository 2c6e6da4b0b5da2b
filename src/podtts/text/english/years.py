"""Years, decades, eras and quarters in English.

Four digits are a year where nothing counts with them: in 1984, but 1984 people.
"""

import re

from podtts.text.english import numbers
from podtts.text.english.dates import article, full_stop
from podtts.text.grammar import Match, Rule, after, before

_START = r"(?<![\w.,/-])"
_ERA = r"B\.?C\.?E\b\.?|B\.?C\b\.?|A\.?D\b\.?|C\.?E\b\.?"
_ERA_LAST = re.compile(rf"(?<![\w.,$])(?P<year>[0-9]{{1,4}}) ?(?P<era>{_ERA})(?!\w)")
_ERA_FIRST = re.compile(r"(?<!\w)(?P<era>AD|A\.D\.) (?P<year>[0-9]{1,4})(?![\w.,])")
_DECADE = re.compile(r"(?<![\w.,])['’]?(?P<year>[12][0-9]{2}0|[1-9]0)(?P<gap> ?)['’]?s(?!\w)")
_QUARTER = re.compile(
    r"(?<!\w)(?P<part>[1-4]Q|[12]H)(?P<year>[0-9]{4}|[0-9]{2})(?!\w)|"
    r"(?<!\w)(?P<other>Q[1-4]|H[12])(?:[ -]?(?P<its_year>[0-9]{4}|['’][0-9]{2}))?(?!\w)"
)
_PARTS = {
    "1Q": "first quarter", "2Q": "second quarter", "3Q": "third quarter", "4Q": "fourth quarter",
    "1H": "first half", "2H": "second half",
}  # fmt: skip
_SEASON = re.compile(
    rf"{_START}(?P<year>1[0-9]{{3}}|20[0-9]{{2}})(?P<gap>[/–-])(?P<next>[0-9]{{2}}|20[0-9]{{2}})"
    r"(?![\w/-]|[.,][0-9])"
)
_SHORT = re.compile(r"(?<!\w)['’](?P<year>[0-9]{2})(?!\w|['’])")
_YEAR = re.compile(rf"{_START}(?P<year>1[0-9]{{3}}|20[0-9]{{2}})(?!\w|[.,][0-9])")
_YEAR_WORD = re.compile(
    r"\b(?:in|since|by|until|till|before|after|during|circa|from|year|early|late|mid|of|and|to"
    r"|between|through|spring|summer|autumn|fall|winter|christmas|back in|around|the|election"
    r"|season|copyright|©)[ ,(-]*$",
    re.IGNORECASE,
)
_AMOUNT_WORD = re.compile(
    r"\b(?:about|nearly|almost|over|than|least|most|only|just|exactly|some|approximately|roughly"
    r"|number|no\.|another|first|last|every|all|these|those|their|my|up to|pages?|costs?|weighs?"
    r"|scored|have|has|had|with|contains?|for)[ :#]*$",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r" (?!(?:was|is|has|does|this|its|his|us|yes|plus|perhaps|always|census|olympics|elections)\b)"
    r"(?:[a-z]{3,}s|people|men|women|children|sheep|feet|percent|dollars?|euros?|yen|yuan|won)\b"
    r"|[-–—][0-9]+(?:\.[0-9]+)? ?(?:[kmcg]?[gm]|lbs?|[kMGT]B|%)(?!\w)"
)


def _read_era(match: Match) -> str:
    era, year = match["era"].replace(".", ""), numbers.year(match["year"])
    comes_first = match[0].startswith(match["era"])
    return f"{era} {year}" if comes_first else f"{year} {era}{full_stop(match)}"


def _read_decade(match: Match) -> str | None:
    year = match["year"]
    if len(year) == 2 and match["gap"]:
        return None  # 80 s: seconds
    if year.endswith("000"):
        return f"{numbers.cardinal(year)}s"
    return numbers.plural(numbers.year(year))


def _read_quarter(match: Match) -> str | None:
    part = match["part"] or match["other"][::-1]
    year = (match["year"] or match["its_year"] or "").lstrip("'’")
    if year:
        return f"{article(match)}{_PARTS[part]} of {numbers.short_year(year)}"
    return f"Q {numbers.cardinal(part[0])}" if part[1] == "Q" else None


def _read_season(match: Match) -> str | None:
    year, following = match["year"], match["next"]
    is_next = int(following[-2:]) == (int(year) + 1) % 100
    if match["gap"] == "/":
        return f"{numbers.year(year)} {numbers.short_year(following)}" if is_next else None
    if len(following) == 4 or int(following) <= int(year[2:]):
        return None  # the years of a range are read one by one
    return f"{numbers.year(year)} to {numbers.short_year(following)}"


def _read_short(match: Match) -> str:
    return numbers.short_year(match["year"])


def _read_year(match: Match) -> str | None:
    year, preceding = match["year"], before(match)
    is_modern = year.startswith(("19", "20"))
    if year.endswith("000") or _COUNTED.match(after(match)):
        return None
    if not is_modern and _AMOUNT_WORD.search(preceding):
        return None
    if year.startswith("10") and not _YEAR_WORD.search(preceding):
        return None
    return numbers.year(year)


RULES = (
    Rule("era", _ERA_FIRST, _read_era),
    Rule("era", _ERA_LAST, _read_era),
    Rule("quarter", _QUARTER, _read_quarter),
    Rule("decade", _DECADE, _read_decade),
    Rule("year", _SEASON, _read_season),
)
# These take what is left when units and codes have been read.
BARE_RULES = (Rule("year", _SHORT, _read_short), Rule("year", _YEAR, _read_year))
