"""Single signs in Mandarin: units without a number, arrows, Greek letters, and all that is left.

What has no words, such as an emoji, is left out; the caller tells of it.
"""

import re
import unicodedata

from podtts.text.grammar import Match, Rule, after, before, either
from podtts.text.mandarin import numbers
from podtts.text.mandarin.formulas import OPERATORS
from podtts.text.mandarin.units import CURRENCIES, PER, SYMBOL, UNITS
from podtts.text.numerals import NUMERAL, parse_numeral
from podtts.text.readable import EMOJI, SIGN, is_mark

_EMOTICON = re.compile(r"(?:[:;=]['’]?-[)(DPp|/\\]+|[:;][)(DPp]|<3|\^_\^)(?![A-Za-z0-9])")
_ALONE = r"(?<![A-Za-z0-9])"
_PLUS = re.compile(rf"{_ALONE}(?P<number>{NUMERAL})\+(?![A-Za-z0-9])", re.ASCII)
_TIMES = re.compile(rf"{_ALONE}(?P<number>{NUMERAL}) ?[x×](?![A-Za-z0-9])", re.ASCII)
_COMPARED = re.compile(r"(?P<sign><=|>=|[≤≥≠≈<>]) ?(?=[0-9.$¥￥-])")
_UNIT = re.compile(
    rf"(?<![A-Za-z])(?P<unit>{either(unit for unit in UNITS if not unit.isalnum())})"
    rf"(?:/(?P<per>{either(PER)}|[天月年人]))?(?![A-Za-z0-9])"
)
_SPEED = re.compile(rf"{_ALONE}(?P<unit>km|m|g|kg|L|mg)/(?P<per>{either(PER)})(?![A-Za-z0-9])")
_ARROW = re.compile(r"-{1,2}>|={1,2}>|[→⇒➔➜⟶↔⇔]")
_SECTION = re.compile(r"§ ?(?P<number>[0-9]+)", re.ASCII)
_SLASH = re.compile(r"(?<=\w) ?/ ?(?=[\w㎡㎥°])")
_RATE = re.compile(r"[0-9零一二两三四五六七八九十百千万亿][^\s，。]{0,3}$")
_UNDERSCORE = re.compile(r"(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])")
_NAMES = {
    "&": "和", "%": "百分号", "+": "加", "=": "等于", "×": "乘", "÷": "除以", "±": "正负",
    "√": "根号", "∞": "无穷大", "≈": "约等于", "≤": "小于等于", "≥": "大于等于", "≠": "不等于",
    "©": "版权所有", "°": "度", "@": "艾特", "#": "井号", "№": "编号", "§": "第", "％": "百分号",
    "＋": "加", "＝": "等于", "＆": "和", "＠": "艾特", "＃": "井号",
}  # fmt: skip
_GREEK = {
    "π": "派", "α": "阿尔法", "β": "贝塔", "γ": "伽马", "δ": "德尔塔", "Δ": "德尔塔",
    "λ": "兰姆达", "μ": "缪", "σ": "西格玛", "Σ": "西格玛", "θ": "西塔", "ω": "欧米伽",
    "Ω": "欧米伽",
}  # fmt: skip
_GREEK_LETTER = re.compile(rf"(?<![\u0370-\u03ff])[{''.join(_GREEK)}](?![\u0370-\u03ff])")
_NAMED = re.compile(either(_NAMES))
_CURRENCY = re.compile(SYMBOL)
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[.,:](?=[0-9])")  # of numbers that were read apart
_OTHER = re.compile(rf"{EMOJI}|_+|[0-9]|{SIGN}")


def _number(match: Match) -> str:
    return numbers.number(parse_numeral(match["number"], match.string))


def _read_unit(match: Match) -> str:
    per = match["per"]
    return (f"每{PER.get(per, per)}" if per else "") + UNITS[match["unit"]]


def _read_slash(match: Match) -> str:
    """30元/斤 -> 每, 男/女 -> 、"""
    is_rate = _RATE.search(before(match)) and not re.match("[0-9$¥￥€£]", after(match))
    return "每" if is_rate else "、"


def _read_other(match: Match) -> str | None:
    sign = match[0]
    if len(sign) > 1:
        return ""
    if is_mark(sign):
        return None
    value = unicodedata.numeric(sign, None)  # of ① and others
    return numbers.cardinal(str(int(value))) if value is not None and value == int(value) else ""


NUMBER_RULES = (
    Rule("number", _PLUS, lambda match: f"{_number(match)}加"),
    Rule("number", _TIMES, lambda match: f"{_number(match)}倍"),
)
RULES = (
    Rule("mark", _EMOTICON, lambda _: ""),
    Rule("sign", _ARROW, lambda _: "到"),
    Rule("sign", _COMPARED, lambda match: OPERATORS[match["sign"]]),
    Rule("measure", _SPEED, _read_unit),
    Rule("measure", _UNIT, _read_unit),
    Rule("sign", _SECTION, lambda match: f"第{numbers.cardinal(match['number'])}节"),
    Rule("sign", _UNDERSCORE, lambda _: " "),
    Rule("sign", _CURRENCY, lambda match: CURRENCIES[match[0]]),
    Rule("sign", _BETWEEN_DIGITS, lambda match: "点" if match[0] == "." else "、"),
    Rule("sign", _GREEK_LETTER, lambda match: _GREEK[match[0]]),
    Rule("sign", _NAMED, lambda match: _NAMES[match[0]]),
    Rule("sign", _SLASH, _read_slash),
    Rule("sign", _OTHER, _read_other),
)
