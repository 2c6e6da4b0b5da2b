"""Amounts in English: numbers with a scale, a unit or a currency."""

import re

from podtts.text.english import numbers
from podtts.text.english.phones import COUNTED
from podtts.text.english.units import CURRENCIES, CURRENCY, PER, UNIT, UNITS, Currency
from podtts.text.grammar import Match, Rule, after, before, either, word_set
from podtts.text.numerals import NUMERAL, VULGAR, Numeral, parse_numeral

SIGNS = {
    "-": "minus",
    "+": "plus",
    "±": "plus or minus",
    "+/-": "plus or minus",
    "~": "about",
    "≈": "about",
    "<": "less than",
    ">": "more than",
    "≤": "at most",
    "≥": "at least",
    "<=": "at most",
    ">=": "at least",
}
# After a word or a number, these would join it to the next one.
SIGN = rf"(?:(?<![\w%°)\]'’.,$€£-])(?P<sign>{either(SIGNS)}) ?(?=[$€£¥₩₹.]?[0-9]))?"
_PART = rf"(?P<part> ?{either(VULGAR)}|[ -][0-9]{{1,2}}/[0-9]{{1,3}}(?!/|[0-9]))?"
NUMBER = rf"(?P<number>{NUMERAL}){_PART}"

_WORDS = "thousand|million|billion|trillion|hundred|dozen|lakh|crore"
_SCALES = {
    "k": "thousand", "K": "thousand", "M": "million", "m": "million", "mn": "million",
    "mm": "million", "MM": "million", "mio": "million", "b": "billion", "B": "billion",
    "bn": "billion", "Bn": "billion", "T": "trillion", "t": "trillion", "tn": "trillion",
}  # fmt: skip
_MONEY_SCALE = rf"(?:[ -]?(?:{_WORDS})|[ -]?{either(_SCALES)})(?![\w²³])"
_SCALE = rf"(?:[ -]?(?:{_WORDS})|[kKMB]| ?(?:bn|mn))(?![\w²³])"
_PER = (
    rf"(?: ?/ ?(?:(?P<times>10|100|1000) ?)?(?P<per>{either(UNITS)}|[a-z]+)(?P<power>[²³])?"
    r"(?![\w²³/]))?"
)
# $5-10, and $3-$5 billion, where the scale is said once.
_RANGE = (
    rf"(?: ?[-–—~] ?(?:(?P=currency)(?={NUMERAL}{_MONEY_SCALE}))?"
    rf"(?P<end>{NUMERAL})(?P<end_scale>{_MONEY_SCALE})?(?![-–/]?\w))?"
)
# $5 dollars is written as well; the word is said once.
_SAID = r"(?: (?:US )?(?:dollars?|euros?|pounds?|yen|rupees?|bucks)(?!\w)|(?<=[0-9])p(?!\w))?"
_PLUS = r"(?P<plus>\+(?!\w))?"
_BEFORE = rf"{SIGN}(?<![A-Za-z])(?P<currency>{CURRENCY}) ?(?P<minus>-)?{NUMBER}"
_MONEY = rf"{_PER}{_SAID}{_PLUS}"
_RANGE_OF_MONEY = re.compile(rf"{_BEFORE}(?P<scale>{_MONEY_SCALE})?{_RANGE}{_MONEY}")
_ONE_AMOUNT = re.compile(rf"{_BEFORE}(?P<scale>{_MONEY_SCALE})?{_MONEY}")
_ACCOUNTED = re.compile(
    rf"(?<![A-Za-z])(?P<currency>{CURRENCY})\((?P<number>{NUMERAL})(?P<scale>{_MONEY_SCALE})?\)"
    r"(?P<part>)(?P<per>)"
)
_MONEY_AFTER = re.compile(
    rf"{SIGN}(?<![A-Za-z]){NUMBER}(?P<scale>{_MONEY_SCALE})? ?(?P<currency>{CURRENCY}){_PER}"
    r"(?![\w0-9])"
)
_MEASURE = re.compile(
    rf"{SIGN}(?<![A-Za-z]){NUMBER}(?P<scale>{_SCALE})?(?P<plus>\+(?= ?{UNIT}|(?!\w)))?"
    rf"(?:(?P<gap>[ -]?)(?P<unit>{UNIT})(?![\w²³]))?{_PER}(?:\.(?= [a-z]|[,;:]))?"
)

_PART_OF_UNIT = re.compile(
    rf"(?<![\w.,/])(?P<above>[0-9]{{1,2}})/(?P<below>[0-9]{{1,3}})(?P<gap>[ -]?)(?P<unit>{UNIT})"
    r"(?![\w²³/])(?:\.(?= [a-z]|[,;:]))?"
)
_PENCE = re.compile(r"(?<![\w.,$€£])(?P<number>[0-9]{1,2})p(?!\w)")
_ROOM = re.compile(
    r"\b(?:rooms?|gates?|apt|apartment|seats?|row|unit|suite|flat|class|block|exit|track|platform"
    r"|tables?|figures?|figs?|forms?|bus|building|sections?|line|route|hall|stand|box|bay|pier|zone"
    r"|grade|ward|studio|entrance|aisle|question|exhibit|appendix|chapter|part|annex|schedule|item)"
    r"[:.# ]*$",
    re.IGNORECASE,
)
_TIMES = word_set("minute hour second day night week month year quarter season person head")
_ARTICLE = re.compile(
    r"(?:^|[\s(\"“])(?:an?|the|this|that|each|every|another|one|my|your|his|her|its|our|their"
    r"|\w+['’]s)(?: \w+-\w+,)*(?: [a-z]+)? $",
    re.IGNORECASE,
)
_FUNCTION_WORDS = either(
    "of in to and or per for at from is are was were will would can could has have had on by with "
    "that which who he she it we you they i as if but than then when while where so because "
    "before after until since during ago away remaining left more less each apart today out into"
)
_NOUN = re.compile(rf"(?: \([^)]*\))?[ -](?!{_FUNCTION_WORDS}\b)[a-z]", re.IGNORECASE)
_MINUTES = re.compile(r"\s(?:remaining|left|ago|later|late|early|read|to go|walk)\b")
_MILLIONS = re.compile(
    r"\s(?:people|users|views|followers|subscribers|downloads|copies|viewers|members|customers"
    r"|streams|plays|units|jobs|votes|visitors|listeners|children|students|workers)\b"
)
_NO_THOUSANDS = re.compile(
    r"[ -](?:run|race|videos?|resolution|tvs?|displays?|screens?|monitors?|camera|footage|ultra"
    r"|uhd|movie)\b",
    re.IGNORECASE,
)


def describes_noun(match: Match) -> bool:
    """Whether an amount describes the noun after it: a 10 m tunnel, a $5 bill."""
    return bool(_ARTICLE.search(before(match)) and is_before_noun(match))


def is_before_noun(match: Match) -> bool:
    """Whether a noun, or its adjective, follows a match."""
    return _NOUN.match(after(match)) is not None


def sign_words(match: Match) -> list[str]:
    """Return the word of the sign in a match of SIGN, if it has one."""
    return [SIGNS[match["sign"]]] if match["sign"] else []


def number_words(match: Match) -> str:
    """Return the words of a match of NUMBER."""
    value = _value(match)
    return mixed(value, match["part"].strip(" -")) if match["part"] else numbers.number(value)


def mixed(whole: Numeral, part: str) -> str:
    """2, 1/2 -> two and a half"""
    above, _, below = VULGAR.get(part, part).partition("/")
    words = re.sub(r"^one (?=half|quarter|third)", "a ", numbers.fraction(above, below))
    return f"{numbers.number(whole)} and {words}"


def _value(match: Match, group: str = "number") -> Numeral:
    return parse_numeral(match[group], match.string)


def _scale(scale: str | None) -> str:
    scale = (scale or "").strip(" -")
    return _SCALES.get(scale, scale)


def _per(match: Match) -> list[str]:
    per = match["per"]
    if not per:
        return []
    words = ["per", numbers.cardinal(match["times"])] if match["times"] else ["per"]
    one, many = UNITS.get(per, (per, per))
    words.append(PER.get(per, many if match["times"] else one))
    return [*words, {"²": "squared", "³": "cubed"}[match["power"]]] if match["power"] else words


def _read_money_range(match: Match) -> str | None:
    if not match["end"] or (match["scale"] and match[0].count(match["currency"]) > 1):
        return None
    words = [*sign_words(match), number_words(match), _scale(match["scale"]), "to"]
    words += [numbers.number(_value(match, "end")), _scale(match["end_scale"])]
    return _with_currency(match, words)


def _read_money(match: Match) -> str:
    words = sign_words(match) + ["minus"] * bool(match.groupdict().get("minus"))
    if match["scale"] or match["part"]:
        return _with_currency(match, [*words, number_words(match), _scale(match["scale"])])
    singular = describes_noun(match) and not match["per"]
    amount = _amount(_value(match), CURRENCIES[match["currency"]], singular=singular)
    return _finished(match, [*words, amount])


def _read_accounted(match: Match) -> str:
    """$(0.45), as accountants write what was lost -> minus forty five cents"""
    if match["scale"]:
        return _with_currency(match, ["minus", number_words(match), _scale(match["scale"])])
    return f"minus {_amount(_value(match), CURRENCIES[match['currency']], singular=False)}"


def _with_currency(match: Match, words: list[str]) -> str:
    currency = CURRENCIES[match["currency"]]
    singular = describes_noun(match) and not match["per"]
    return _finished(match, [*words, currency.one if singular else currency.many])


def _finished(match: Match, words: list[str]) -> str:
    """Join the words of an amount; `per hour` and `plus` follow it."""
    plus = ["plus"] if match.groupdict().get("plus") else []
    return " ".join(filter(None, [*words, *_per(match), *plus]))


def _amount(value: Numeral, currency: Currency, *, singular: bool) -> str:
    """12.50 -> twelve dollars and fifty cents, 12.345 -> twelve point three four five dollars"""
    decimals = value.fraction.rstrip("0")
    if decimals and (len(decimals) > 2 or not currency.cent):
        words = numbers.number(Numeral(value.whole, decimals))
        return f"{words} {currency.one if singular else currency.many}"
    whole, cents = value.whole.lstrip("0"), decimals.ljust(2, "0").lstrip("0")
    amounts = []
    if whole or not cents:
        name = currency.one if singular or whole == "1" else currency.many
        amounts.append(f"{numbers.cardinal(whole)} {name}")
    if cents:
        name = currency.cent if singular or cents == "1" else currency.cents
        amounts.append(f"{numbers.cardinal(cents)} {name}")
    return " and ".join(amounts)


def _read_measure(match: Match) -> str | None:
    unit, scale = match["unit"], match["scale"]
    if not (unit or scale or match["per"]) or not _is_scale(match):
        return None
    if match["per"] and not unit and match["per"] not in UNITS and match["per"] not in _TIMES:
        return None
    words = [*sign_words(match), number_words(match), _scale(scale)]
    words += ["plus"] * bool(match["plus"])
    if unit == "m" and not scale and _MILLIONS.match(after(match)):
        words.append("million")
    elif unit:
        words.append(_unit_words(match, unit))
    return " ".join(filter(None, [*words, *_per(match)]))


def _is_scale(match: Match) -> bool:
    """Whether a letter after a number is its scale, and not a part of a name."""
    is_named = _ROOM.search(before(match)) and not COUNTED.match(after(match))
    if match["scale"] in ("k", "K", "M", "B") and is_named:
        return False  # row 5K, but it seats 5K people
    if match["scale"] == "K":
        return match["number"] not in ("4", "8") and not _NO_THOUSANDS.match(after(match))
    if match["scale"] != "B":
        return True
    return not re.match(r" [A-Z]", after(match))  # 221B Baker Street


def _unit_words(match: Match, unit: str) -> str:
    if unit == "m" and not match["scale"] and _MINUTES.match(after(match)):
        unit = "min"
    is_one = _value(match).is_one and not match["scale"] and not match["part"]
    singular = is_one or match["gap"] == "-" or describes_noun(match)
    return UNITS[unit][0 if singular else 1]


def _read_part_of_unit(match: Match) -> str:
    """1/2 lb -> half a pound, 3/4 mi -> three quarters of a mile"""
    one = UNITS[match["unit"]][0]
    words = numbers.fraction(match["above"], match["below"])
    if match["gap"] == "-" or describes_noun(match):
        return f"{words} {one}"
    article = "an" if one.startswith(("a", "e", "i", "o", "hour")) else "a"
    return f"half {article} {one}" if words == "one half" else f"{words} of {article} {one}"


def _read_pence(match: Match) -> str:
    return f"{numbers.cardinal(match['number'])} {'penny' if match['number'] == '1' else 'pence'}"


RULES = (
    Rule("measure", _PART_OF_UNIT, _read_part_of_unit),
    Rule("money", _PENCE, _read_pence),
    Rule("money", _ACCOUNTED, _read_accounted),
    Rule("money", _RANGE_OF_MONEY, _read_money_range),
    Rule("money", _ONE_AMOUNT, _read_money),
    Rule("money", _MONEY_AFTER, _read_money),
    Rule("measure", _MEASURE, _read_measure),
)
