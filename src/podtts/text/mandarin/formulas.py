"""Formulas, dimensions and powers in Mandarin."""

import re

from podtts.text.grammar import Match, Rule, before, either
from podtts.text.mandarin import numbers
from podtts.text.numerals import NUMERAL, SUBSCRIPTS, SUPERSCRIPTS, parse_numeral

OPERATORS = {
    "+": "加", "-": "减", "–": "减", "×": "乘以", "*": "乘以", "x": "乘以", "÷": "除以",
    "/": "除以", "=": "等于", "==": "等于", "<": "小于", ">": "大于", "≤": "小于等于",
    "≥": "大于等于", "≠": "不等于", "≈": "约等于", "<=": "小于等于", ">=": "大于等于", "±": "正负",
}  # fmt: skip
_POWER = r"(?:[²³]|\^-?[0-9]+)"
_OPERAND = rf"-?(?:{NUMERAL}(?:[a-z](?![A-Za-z0-9]))?|(?<![A-Za-z])[A-Za-z](?![A-Za-z])){_POWER}?"
_FORMULA = re.compile(
    rf"(?<![A-Za-z0-9.,]){_OPERAND}(?: ?{either(OPERATORS)} ?{_OPERAND})+"
    r"(?![A-Za-z0-9%]|[.,][0-9])",
    re.ASCII,
)
_RELATION = re.compile(r"[=<>≤≥≠≈]")
_SUM = re.compile(r"[+÷±]|[0-9] ?[×*]")
_VALUE = re.compile(
    rf"(?P<minus>-)?(?:(?P<number>{NUMERAL}))?(?P<name>[A-Za-z])?(?P<power>{_POWER})?"
)
_STEP = re.compile(rf" ?(?P<operator>{either(OPERATORS)}) ?")
_SCIENTIFIC = re.compile(
    rf"(?<![A-Za-z0-9.,])(?P<number>{NUMERAL})[eE](?P<power>-?)\+?(?P<digits>[0-9]{{1,3}})"
    r"(?![A-Za-z0-9])",
    re.ASCII,
)
_DIMENSIONS = re.compile(
    rf"(?<![A-Za-z0-9.,]){NUMERAL}(?: ?[x×*] ?{NUMERAL})+(?![A-Za-z0-9])(?! ?[=+÷])", re.ASCII
)
_RAISED = re.compile(r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|\^-?[0-9]+")
_FOOT_MARK = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+")
_LOWERED = re.compile(r"[₀₁₂₃₄₅₆₇₈₉]+")
# Behind a number or a symbol, a raised number is a power; behind a word it is a foot mark.
_BASE = re.compile(r"(?:[0-9)）]|(?<![A-Za-z])[A-Za-z]{1,2})$")


def _read_formula(match: Match) -> str | None:
    text = match[0]
    if not _RELATION.search(text) and not _SUM.search(text):
        return None
    words, at = "", 0
    while value := _VALUE.match(text, at):
        words += "负" if value["minus"] else ""
        if value["number"]:
            words += numbers.number(parse_numeral(value["number"], match.string))
        words += value["name"] or ""
        words += _power(value["power"]) if value["power"] else ""
        step = _STEP.match(text, value.end())
        if step is None:
            break
        words += OPERATORS[step["operator"]]
        at = step.end()
    return words


def _power(power: str) -> str:
    """² -> 的平方, ^-6 -> 的负六次方"""
    digits = power.translate(SUPERSCRIPTS).lstrip("^+")
    if digits in ("2", "3"):
        return "的平方" if digits == "2" else "的立方"
    sign = "负" if digits.startswith("-") else ""
    return f"的{sign}{numbers.cardinal(digits.lstrip('-'))}次方"


def _read_scientific(match: Match) -> str:
    """1e5 -> 一乘以十的五次方"""
    number = numbers.number(parse_numeral(match["number"], match.string))
    return f"{number}乘以十{_power(match['power'] + match['digits'])}"


def _read_dimensions(match: Match) -> str:
    sides = re.split(" ?[x×*] ?", match[0])
    return "乘".join(numbers.number(parse_numeral(side, match.string)) for side in sides)


def _read_raised(match: Match) -> str | None:
    return _power(match[0]) if _BASE.search(before(match)) else None


def _read_lowered(match: Match) -> str:
    return numbers.cardinal(match[0].translate(SUBSCRIPTS))


RULES = (
    Rule("dimensions", _DIMENSIONS, _read_dimensions),
    Rule("formula", _SCIENTIFIC, _read_scientific),
    Rule("formula", _FORMULA, _read_formula),
)
POWER_RULES = (
    Rule("power", _RAISED, _read_raised),
    Rule("mark", _FOOT_MARK, lambda _: ""),
    Rule("number", _LOWERED, _read_lowered),
)
