"""Numbers without a unit in English: ordinals, fractions, dimensions, decimals, whole numbers."""

import re

from podtts.text.english import numbers
from podtts.text.english.quantities import SIGN, mixed, sign_words
from podtts.text.english.units import UNIT, UNITS
from podtts.text.grammar import Match, Rule, after, before, either
from podtts.text.numerals import NUMERAL, VULGAR, parse_numeral

_START = r"(?<![\w.,])"
_ORDINAL = re.compile(
    rf"{_START}(?P<digits>[0-9]{{1,3}}(?:,[0-9]{{3}})+|[0-9]+)(?P<suffix>st|nd|rd|th)(?P<many>s?)(?!\w)",
    re.IGNORECASE,
)
_HUNDREDS = re.compile(rf"{_START}(?P<digits>10{{1,3}}|1,000)s(?= of\b)")
_MANY = {"10": "tens", "100": "hundreds", "1000": "thousands", "1,000": "thousands"}
_DIMENSIONS = re.compile(
    rf"{_START}{NUMERAL}(?: ?{UNIT})?(?: ?[x×*] ?{NUMERAL}(?: ?{UNIT}(?![\w²³]))?)+(?![\w.]*\w)"
)
_SIDE = re.compile(rf"(?P<number>{NUMERAL}) ?(?P<unit>{UNIT})?")
_FRACTION = re.compile(
    rf"{SIGN}(?<![\w.,/])(?:(?P<whole>{NUMERAL})[ -])?(?P<above>[0-9]+) ?[/⁄] ?(?P<below>[0-9]+)"
    r"(?:(?:st|nd|rd|th)s?)?(?![\w]|[.,/][0-9]| ?/)",
    re.IGNORECASE,
)
_PRESSURE = re.compile(r"(?:blood pressure|BP)(?: of| is| was|:)? $")
_MERCURY = re.compile(r" ?mm ?Hg\b")
_RATED = re.compile(r" (?:stars?|points?|rating)\b")
_SCORED = re.compile(
    r"\b(?:scored?|rated?|rating|grade|marks?|got|gave (?:it|them))(?: \w+)? (?:a )?$"
)
_PART_OF = re.compile(r" of\b")
_FASTER = re.compile(r" (?:(?:the|a|as|per|more|less|better|worse)\b|[a-z]{2,}er\b)")
_RATING = re.compile(
    r"(?<![\w.,/])(?P<a>[0-9]+\.[0-9]+)/(?P<b>[0-9]+(?:\.[0-9]+)?)(?![\w/%])"
)  # fmt: skip
_VULGAR = re.compile(rf"(?:(?P<whole>{_START}{NUMERAL}) ?)?(?P<part>{either(VULGAR)})")
_TIMES = re.compile(rf"(?P<number>{_START}{NUMERAL}) ?[x×](?!\w)")
_PLUS = re.compile(rf"(?P<number>{_START}{NUMERAL})\+(?!\w)")
_NUMBER = re.compile(rf"{SIGN}(?P<number>{NUMERAL})")


def _number(match: Match, group: str = "number") -> str:
    return numbers.number(parse_numeral(match[group], match.string))


def _read_ordinal(match: Match) -> str:
    digits, suffix = match["digits"].replace(",", ""), match["suffix"].lower()
    if suffix != _suffix(digits):
        return f"{numbers.cardinal(digits)} {suffix}"
    words = numbers.ordinal(digits)
    return numbers.plural(words) if match["many"] else words


def _suffix(digits: str) -> str:
    if int(digits[-2:]) in (11, 12, 13):
        return "th"
    return {"1": "st", "2": "nd", "3": "rd"}.get(digits[-1], "th")


def _read_dimensions(match: Match) -> str:
    words = []
    for side in _SIDE.finditer(match[0]):
        value = parse_numeral(side["number"], match.string)
        said = numbers.number(value)
        if side["unit"] == "s":  # 2x4s
            said = numbers.plural(said)
        elif side["unit"]:
            said += f" {UNITS[side['unit']][0 if value.is_one else 1]}"
        words.append(said)
    return (" times " if "*" in match[0] else " by ").join(words)


def _read_fraction(match: Match) -> str:
    above, below, words = match["above"], match["below"], sign_words(match)
    if match["whole"]:
        words.append(mixed(parse_numeral(match["whole"], match.string), f"{above}/{below}"))
    elif above == below or _is_score(match):
        words.append(f"{numbers.cardinal(above)} out of {numbers.cardinal(below)}")
    elif _PRESSURE.search(before(match)) or _MERCURY.match(after(match)):
        words.append(f"{numbers.cardinal(above)} over {numbers.cardinal(below)}")
    else:
        words.append(numbers.fraction(above, below))
    return " ".join(words)


def _is_score(match: Match) -> bool:
    """Whether a fraction is so many points of all: 88/100, but 1/100 and 3/5 of it."""
    above, below = int(match["above"]), int(match["below"])
    if _RATED.match(after(match)):
        return True
    if _PART_OF.match(after(match)):
        return False
    return (below == 100 and above > 1) or (below % 5 == 0 and bool(_SCORED.search(before(match))))


def _read_rating(match: Match) -> str:
    return f"{_number(match, 'a')} out of {_number(match, 'b')}"


def _read_vulgar(match: Match) -> str:
    if match["whole"]:
        return mixed(parse_numeral(match["whole"], match.string), match["part"])
    return numbers.fraction(*VULGAR[match["part"]].split("/"))


def _read_times(match: Match) -> str:
    return f"{_number(match)} {'times' if _FASTER.match(after(match)) else 'x'}"


def _read_plus(match: Match) -> str:
    return f"{_number(match)} plus"


def _read_number(match: Match) -> str:
    return " ".join([*sign_words(match), _number(match)])


ORDINAL_RULES = (
    Rule("number", _HUNDREDS, lambda match: _MANY[match["digits"]]),
    Rule("ordinal", _ORDINAL, _read_ordinal),
)
DIMENSION_RULES = (Rule("dimensions", _DIMENSIONS, _read_dimensions),)
FRACTION_RULES = (
    Rule("fraction", _FRACTION, _read_fraction),
    Rule("fraction", _VULGAR, _read_vulgar),
    Rule("fraction", _RATING, _read_rating),
)
NUMBER_RULES = (
    Rule("number", _TIMES, _read_times),
    Rule("number", _PLUS, _read_plus),
    Rule("number", _NUMBER, _read_number),
)
