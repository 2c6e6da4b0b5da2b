"""Formulas and powers in English."""

import re

from podtts.text.english import numbers
from podtts.text.english.units import UNIT
from podtts.text.grammar import Match, Rule, before, either
from podtts.text.numerals import NUMERAL, SUBSCRIPTS, SUPERSCRIPTS, parse_numeral

OPERATORS = {
    "+": "plus", "-": "minus", "–": "minus", "×": "times", "*": "times", "·": "times",
    "x": "times", "÷": "divided by", "/": "divided by", "=": "equals", "==": "equals",
    "≠": "is not equal to", "!=": "is not equal to", "≈": "is approximately",
    "<": "is less than", ">": "is greater than", "≤": "is less than or equal to",
    "<=": "is less than or equal to", "≥": "is greater than or equal to",
    ">=": "is greater than or equal to", "±": "plus or minus",
}  # fmt: skip
_OPERATOR = rf"(?:{either(sign for sign in OPERATORS if sign != 'x')}|(?<=[0-9] )x(?= [0-9]))"
_POWER = r"(?:[²³]|\^-?[0-9]+)"
_OPERAND = (
    rf"-?(?:{NUMERAL}(?:[a-z](?![A-Za-z0-9]))?|(?<![A-Za-z])[A-Za-z](?![A-Za-z'’.]))%?{_POWER}?"
)
_FORMULA = re.compile(
    rf"(?<![\w.,]){_OPERAND}(?: ?{_OPERATOR} ?{_OPERAND})+(?![\w%]|[.,][0-9]| ?{UNIT}(?!\w))"
)
_RELATION = re.compile(r"[=<>≤≥≠≈]")
_SUM = re.compile(r"[+×÷·*](?=.*[0-9])|[0-9].*[+×÷·*]")
_VALUE = re.compile(
    rf"(?P<minus>-)?(?:(?P<number>{NUMERAL}))?(?P<name>[A-Za-z])?(?P<percent>%)?(?P<power>{_POWER})?"
)
_STEP = re.compile(rf" ?(?P<operator>{_OPERATOR}) ?")
_SCIENTIFIC = re.compile(
    rf"(?<![\w.,])(?P<number>{NUMERAL})[eE](?P<minus>-)?\+?(?P<power>[0-9]{{1,3}})(?!\w)"
)
_CARET = re.compile(r"(?<=[\w)])\^(?P<power>-?[0-9]+|[a-z](?!\w))")
_RAISED = re.compile(r"(?P<power>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ]+)")
_FOOT_MARK = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+")
_LOWERED = re.compile(r"[₀₁₂₃₄₅₆₇₈₉]+")
# Behind a number or a symbol, a raised number is a power; behind a word it is a foot mark.
_BASE = re.compile(r"(?:[0-9)]|(?<![^\W\d_])[^\W\d_]{1,2})$")


def _read_formula(match: Match) -> str | None:
    text = match[0]
    if not _RELATION.search(text) and not _SUM.search(text):
        return None
    words: list[str] = []
    at = 0
    while value := _VALUE.match(text, at):
        words += ["minus"] * bool(value["minus"])
        if value["number"]:
            words.append(numbers.number(parse_numeral(value["number"], match.string)))
        words += [value["name"]] if value["name"] else []
        words += ["percent"] * bool(value["percent"])
        words += [_power(value["power"].lstrip("^"))] if value["power"] else []
        step = _STEP.match(text, value.end())
        if step is None:
            break
        words.append(OPERATORS[step["operator"]])
        at = step.end()
    return " ".join(words)


def _power(power: str) -> str:
    """2 -> squared, -6 -> to the power of minus six"""
    power = power.translate(SUPERSCRIPTS)
    if power in ("2", "3"):
        return "squared" if power == "2" else "cubed"
    digits = power.lstrip("+-")
    sign = "minus " if power.startswith("-") else ""
    return f"to the power of {sign}{numbers.cardinal(digits) if digits.isdecimal() else digits}"


def _read_scientific(match: Match) -> str:
    number = numbers.number(parse_numeral(match["number"], match.string))
    return f"{number} times ten {_power((match['minus'] or '+') + match['power'])}"


def _read_caret(match: Match) -> str:
    return _power(match["power"])


def _read_raised(match: Match) -> str | None:
    return _power(match["power"]) if _BASE.search(before(match)) else None


def _read_lowered(match: Match) -> str:
    return numbers.cardinal(match[0].translate(SUBSCRIPTS))


RULES = (
    Rule("formula", _SCIENTIFIC, _read_scientific),
    Rule("formula", _FORMULA, _read_formula),
)
POWER_RULES = (
    Rule("power", _CARET, _read_caret),
    Rule("power", _RAISED, _read_raised),
    Rule("mark", _FOOT_MARK, lambda _: ""),
    Rule("number", _LOWERED, _read_lowered),
)
