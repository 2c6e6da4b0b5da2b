"""Single signs in English: units without a number, arrows, Greek letters, and all that is left.

What has no words, such as an emoji, is left out; the caller tells of it.
"""

import re
import unicodedata

from podtts.text.english import numbers
from podtts.text.english.formulas import OPERATORS
from podtts.text.english.units import CURRENCIES, PER, SYMBOL, UNITS
from podtts.text.grammar import Match, Rule, after, before, either
from podtts.text.readable import EMOJI, SIGN, is_mark

EMOTICON = r"(?<!\S)(?:[:;=]['’]?-?[)(\]DPpO3|/\\*]+|\^_\^)(?!\w)"
_EMOTICON = re.compile(EMOTICON)
_LOVE = re.compile(r"(?<=\bI )(?:<3|[♥❤💛💙💚💜])(?= \w)")
_OR = re.compile(
    r"(?<!\w)(?P<a>he|his|him|she|her|hers|either|and|yes|true|on|pass)/"
    r"(?P<b>she|her|hers|he|his|him|they|or|no|false|off|fail)(?!\w)",
    re.IGNORECASE,
)
_UNIT = re.compile(
    rf"(?<![\w/])(?P<unit>{either(unit for unit in UNITS if '/' in unit or '°' in unit)}"
    r"|(?P<above>km|m|g|kg|l|mi|mg)/(?P<below>h|s|l|m³|min|kg|day))(?![\w/])"
)
_GRADE = re.compile(
    r"(?<=\b[aA]n )A-(?![\w-])|(?<=\b[aA] )[B-DF]-(?![\w-])|(?<=\b(?:of|to|or) )[A-DF]-(?![\w-])"
)
_RATE = re.compile(
    r"(?<=[a-z]s)/(?P<per>min|minute|sec|second|hr|hour|day|night|wk|week|month|yr|year|person)(?!\w)"
)
_SLASH = re.compile(r"(?:(?<=[\w%°])|(?<=[\w%°] ))/ ?(?=-?[\w$€£])")
_ARROW = re.compile(r"-{1,2}>|={1,2}>|[→⇒➔➜⟶↔⇔]")
_SECTION = re.compile(r"(?P<sign>§{1,2}|¶) ?")
_SECTIONS = {"§": "section ", "§§": "sections ", "¶": "paragraph "}
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "θ": "theta",
    "λ": "lambda", "μ": "mu", "µ": "micro", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau",
    "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Ω": "omega", "Δ": "delta", "Σ": "sigma",
    "Φ": "phi",
}  # fmt: skip
_GREEK_LETTER = re.compile(rf"(?<![^\W\d_])[{''.join(_GREEK)}](?![^\W\d_])")
_UNDERSCORE = re.compile(r"(?<=[^\W_])_+(?=[^\W_])")
_NAMES = {
    "&": "and", "%": "percent", "‰": "per mille", "+": "plus", "=": "equals", "×": "times",
    "÷": "divided by", "±": "plus or minus", "√": "square root of", "∞": "infinity",
    "≈": "approximately", "≤": "less than or equal to", "≥": "greater than or equal to",
    "≠": "not equal to", "©": "copyright", "℗": "copyright", "°": "degrees", "º": "degrees",
    "℃": "degrees Celsius", "℉": "degrees Fahrenheit", "@": "at", "#": "hash", "№": "number",
    "∑": "sum", "∫": "integral", "∂": "partial", "∆": "delta", "∈": "in", "¬": "not",
}  # fmt: skip
_NAMED = re.compile(either(_NAMES))
_INSIDE = {"\\": "backslash", "/": "slash"}  # read between words alone
_COMPARED = re.compile(r"(?P<sign>(?<=\w )[<>](?= \w)|(?<=\w)[<>](?=[0-9])) ?")
_TIMES = re.compile(r"(?:(?<=[0-9])|(?<=[0-9] ))\* ?(?=[0-9])")
_CURRENCY = re.compile(SYMBOL)
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[.,:](?=[0-9])")  # of numbers that were read apart
_OTHER = re.compile(rf"{EMOJI}|_+|[0-9]|{SIGN}")


def _read_or(match: Match) -> str:
    first, last = match["a"], match["b"]
    return f"{first} {last}" if last.lower() == "or" else f"{first} or {last}"


def _read_unit(match: Match) -> str:
    if not match["above"]:
        return UNITS[match["unit"]][1]
    below = match["below"]
    return f"{UNITS[match['above']][1]} per {UNITS[below][0] if below in UNITS else below}"


def _read_rate(match: Match) -> str:
    """words/min -> words per minute"""
    per = match["per"]
    return f"per {UNITS[per][0] if per in UNITS else PER.get(per, per)}"


def _read_other(match: Match) -> str | None:
    sign = match[0]
    if len(sign) > 1:
        return ""
    if is_mark(sign):
        return None
    if sign in _INSIDE and re.search(r"\w$", before(match)) and re.match(r"\w", after(match)):
        return _INSIDE[sign]
    value = unicodedata.numeric(sign, None)  # of ① and others
    return numbers.cardinal(str(int(value))) if value is not None and value == int(value) else ""


FIRST_RULES = (
    Rule("mark", _EMOTICON, lambda _: ""),
    Rule("sign", _LOVE, lambda _: "love"),
)
RULES = (
    Rule("sign", _UNDERSCORE, lambda _: " "),
    Rule("sign", _OR, _read_or),
    Rule("measure", _UNIT, _read_unit),
    Rule("sign", _GRADE, lambda match: f"{match[0][0]} minus"),
    Rule("sign", _RATE, _read_rate),
    Rule("sign", _SLASH, lambda _: "slash "),
    Rule("sign", _ARROW, lambda _: "to"),
    Rule("sign", _SECTION, lambda match: _SECTIONS[match["sign"]]),
    Rule("sign", _GREEK_LETTER, lambda match: _GREEK[match[0]]),
    Rule("sign", _CURRENCY, lambda match: CURRENCIES[match[0]].one),
    Rule("sign", _COMPARED, lambda match: f"{OPERATORS[match['sign']]} "),
    Rule("sign", _TIMES, lambda _: "times "),
    Rule("sign", _BETWEEN_DIGITS, lambda match: "point" if match[0] == "." else ", "),
    Rule("sign", _NAMED, lambda match: _NAMES[match[0]]),
    Rule("sign", _OTHER, _read_other),
)
