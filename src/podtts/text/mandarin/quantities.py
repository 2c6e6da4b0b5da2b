"""Amounts in Mandarin: numbers with a scale, a unit or a currency, percentages and fractions."""

import re

from podtts.text.grammar import Match, Rule, after, before, either
from podtts.text.languages import HAN
from podtts.text.mandarin import numbers
from podtts.text.mandarin.units import CURRENCIES, CURRENCY, MEASURE_WORD, PER, UNIT, UNITS
from podtts.text.numerals import NUMERAL, VULGAR, Numeral, parse_numeral

_SIGNS = {
    "-": "负", "+": "正", "±": "正负", "~": "约", "～": "约", "≈": "约", "<": "小于", ">": "大于",
    "≤": "小于等于", "≥": "大于等于", "<=": "小于等于", ">=": "大于等于",
}  # fmt: skip
_SIGN = rf"(?:(?<![\w%°)\].-])(?P<sign>{either(_SIGNS)}) ?(?=[$€£¥￥₩]?[0-9]))?"
_LETTER_SCALES = {"w": "万", "W": "万"}
_POWERS = {"k": 3, "K": 3, "M": 6, "B": 9}  # zeros
_HAN_SCALE = either("百 千 万 十万 百万 千万 亿 十亿 百亿 千亿 万亿 兆")
_SCALE = rf"(?P<scale>{_HAN_SCALE}|[kKwW](?!\w))?"
_NUMBER_AND_SCALE = rf"{_SIGN}(?<![A-Za-z])(?P<number>{NUMERAL}){_SCALE}"
_DASH = r"[-–—~～]"
# ￥5元 is written as well; the word is said once.
_SAID = "(?:元|块钱|块|人民币|美元|美金|欧元|英镑|日元|韩元|港元|港币)?"
_MONEY = re.compile(
    rf"{_SIGN}(?<![A-Za-z])(?P<currency>{CURRENCY}) ?(?P<number>{NUMERAL})"
    rf"(?P<scale>{_HAN_SCALE}|[kKwWMB](?!\w))?"
    rf"(?: ?{_DASH} ?(?P<end>{NUMERAL})(?P<end_scale>{_HAN_SCALE})?)?{_SAID}",
    re.ASCII,
)
_MONEY_AFTER = re.compile(rf"{_NUMBER_AND_SCALE} ?(?P<currency>{CURRENCY})(?!\w)", re.ASCII)
_PERCENT = re.compile(
    rf"(?P<negative>负)?{_SIGN}(?P<number>{NUMERAL}) ?(?:[%％‰]|{_DASH}(?P<end>{NUMERAL}) ?[%％‰])",
    re.ASCII,
)
_MEASURE = re.compile(
    rf"{_NUMBER_AND_SCALE} ?(?P<unit>{UNIT})"
    rf"(?:/(?P<per>{either(PER)}|天|月|年|人|日|小时|次))?(?![\w²³])",
    re.ASCII,
)
_AMPERES = re.compile(rf"(?P<number>{NUMERAL}) ?A(?=的|电流|[，。、]|$)", re.ASCII)
_THOUSANDS = re.compile(
    rf"(?<![A-Za-z])(?P<number>{NUMERAL})(?P<scale>[kKwW])(?P<plus>\+)?(?!\w)", re.ASCII
)
_FRACTION = re.compile(
    rf"(?P<negative>负)?{_SIGN}(?<![\w./])(?:(?P<whole>[0-9]+)(?:又| ))?"
    r"(?P<above>[0-9]+) ?[/⁄] ?(?P<below>[0-9]+)(?![\w./])",
    re.ASCII,
)
_PARTS = re.compile(
    rf"(?P<negative>负)?(?P<sign>(?<![\w%)-])-)?(?P<below>[0-9]+|百|千|万)分之(?P<above>{NUMERAL})",
    re.ASCII,
)
_VULGAR_PART = re.compile(rf"(?P<whole>[0-9]+)? ?(?P<part>{either(VULGAR)})", re.ASCII)
_NUMBER = re.compile(
    rf"{_SIGN}(?P<number>{NUMERAL})(?:{_DASH}(?P<end>{NUMERAL})(?=[{HAN}])(?![0-9.-]))?", re.ASCII
)
# A hyphen is a minus behind these, or before a unit; else it belongs to a name: 苏-27.
_NEGATED = re.compile(
    r"(?:[是为到至于达降跌从得算值和与或加减乘除以在有约等]|温|^|[\s，,。；;：:（(“\"、])$"
)
_MEASURED = re.compile(
    r"\s?(?:°|℃|℉|度|%|％|‰|元|块|万|亿|米|公里|公斤|千克|分|个百分点|美元|摄氏|级)"
)
_COUNTED = re.compile(rf"[多几余来]?{MEASURE_WORD}")
_RANKED = re.compile(r"(?:第|星期|周|礼拜|初|十|百|千|零|年|月|[0-9点比减加等于买]|之)$")
_PICTURE = re.compile(r"(?:分辨率|屏|画质|视频|高清|电视|显示器|超清|金)")


def counted(numeral: Numeral, following: str, preceding: str = "") -> str:
    """Return a number before the words that it counts: 2个 -> 两, 2月 -> 二."""
    if numeral == Numeral("2") and _COUNTED.match(following) and not _RANKED.search(preceding):
        return "两"
    return numbers.number(numeral)


def _sign(match: Match) -> str | None:
    """Return the word of a sign; None for the hyphen of a name."""
    sign = match["sign"]
    if sign == "-" and not _NEGATED.search(before(match)) and not _MEASURED.match(after(match)):
        return None
    return _SIGNS[sign] if sign else ""


def _negative(match: Match) -> str | None:
    return "负" if match["negative"] else _sign(match)


def _value(match: Match, group: str = "number") -> Numeral:
    return parse_numeral(match[group], match.string)


def _scaled(value: Numeral, scale: str | None, following: str) -> str:
    """Return a number with its scale before a unit: 2, 万 -> 两万"""
    zeros = _POWERS.get(scale or "", 0)
    if zeros and len(value.fraction) <= zeros:
        return numbers.cardinal(value.whole + value.fraction.ljust(zeros, "0"))
    scale = _LETTER_SCALES.get(scale or "", scale or "")
    return counted(value, scale + following) + scale


def _read_money(match: Match) -> str:
    currency = CURRENCIES[match["currency"]]
    words = (_sign(match) or "") + _scaled(_value(match), match["scale"], currency)
    if match.groupdict().get("end"):
        words += "到" + _scaled(_value(match, "end"), match["end_scale"], currency)
    return words + currency


def _read_percent(match: Match) -> str:
    sign = "负" if match["negative"] or match["sign"] == "-" else _SIGNS.get(match["sign"], "")
    part = "千分之" if "‰" in match[0] else "百分之"
    words = f"{sign}{part}{numbers.number(_value(match))}"
    return f"{words}到{part}{numbers.number(_value(match, 'end'))}" if match["end"] else words


def _read_measure(match: Match) -> str:
    unit, per = UNITS[match["unit"]], match["per"]
    words = _SIGNS.get(match["sign"], "") + _scaled(_value(match), match["scale"], unit)
    words += f" {unit}" if unit.isascii() else unit
    return f"每{PER.get(per, per)}{words}" if per else words


def _read_amperes(match: Match) -> str:
    return f"{numbers.number(_value(match))}安"


def _read_thousands(match: Match) -> str | None:
    is_picture = match[0] in ("2K", "4K", "8K") or _PICTURE.match(after(match))
    if is_picture:
        return None
    return _scaled(_value(match), match["scale"], "") + "加" * bool(match["plus"])


def _read_fraction(match: Match) -> str | None:
    sign = _negative(match)
    if sign is None or int(match["below"]) == 0:
        return None
    whole = f"{numbers.cardinal(match['whole'])}又" if match["whole"] else ""
    return sign + whole + numbers.fraction(match["above"], match["below"])


def _read_parts(match: Match) -> str:
    sign = "负" if match["negative"] or match["sign"] else ""
    below = numbers.cardinal(match["below"]) if match["below"].isascii() else match["below"]
    return f"{sign}{below}分之{numbers.number(_value(match, 'above'))}"


def _read_vulgar(match: Match) -> str:
    whole = f"{numbers.cardinal(match['whole'])}又" if match["whole"] else ""
    return whole + numbers.fraction(*VULGAR[match["part"]].split("/"))


def _read_number(match: Match) -> str:
    sign, following = _sign(match) or "", after(match)
    if match["end"]:
        last = counted(_value(match, "end"), following)
        return f"{sign}{counted(_value(match), following)}到{last}"
    return sign + counted(_value(match), following, before(match))


RULES = (
    Rule("percent", _PERCENT, _read_percent),
    Rule("money", _MONEY, _read_money),
    Rule("money", _MONEY_AFTER, _read_money),
    Rule("measure", _MEASURE, _read_measure),
    Rule("measure", _AMPERES, _read_amperes),
    Rule("fraction", _PARTS, _read_parts),
    Rule("fraction", _FRACTION, _read_fraction),
    Rule("fraction", _VULGAR_PART, _read_vulgar),
    Rule("number", _THOUSANDS, _read_thousands),
)
NUMBER_RULES = (Rule("number", _NUMBER, _read_number),)
