"""Rewrites expressions that wetext would verbalize wrongly.

Each rule is (pattern, replacement). The rules are applied in order to a single expression such as
`$1,000` or `GPT-4`. A comment after a rule shows wetext's output without it.
"""

import re
from collections.abc import Callable, Sequence

_MONTHS = (
    r"January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec"
)
MONTH = rf"(?:{_MONTHS})"

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _ordinal(day: str) -> str:
    number = int(day)
    teens = 11 <= number % 100 <= 13
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _digit_by_digit(number: re.Match[str]) -> str:
    """Separate the digits of a number, with commas between its groups."""
    return ", ".join(" ".join(group) for group in re.findall("[0-9]+", number[0]))


_ENGLISH: Sequence[_Rule] = (
    (re.compile(r"(?<=[0-9])[–‒](?=[0-9])"), "-"),  # "five–ten"
    (re.compile(r"(?<![0-9,.])1000(?![0-9])"), "1,000"),  # "ten hundred", like a year
    (re.compile(r"(?<=[0-9]st|[0-9]nd|[0-9]rd|[0-9]th)-(?=[A-Za-z])"), " "),  # "one st-class"
    (re.compile(r"(?<=\w)=(?=[0-9])"), " equals "),
    (
        re.compile(rf"\b({MONTH}\.?) ([0-9]{{1,2}})(?![0-9:.]*[0-9]|\w)"),  # "May three"
        lambda date: f"{date[1]} {_ordinal(date[2])}",
    ),
    (
        re.compile(rf"\b([0-9]{{1,2}}) ({MONTH})\b"),
        lambda date: f"{_ordinal(date[1])} of {date[2]}",
    ),
    (re.compile(r"\b(1[0-9]{3}|20[0-9]{2})-(1[0-9]{3}|20[0-9]{2})\b"), r"\1 to \2"),  # as years
    (re.compile(r"^(?:No\. ?|#)(?=[0-9])"), "number "),  # "Number. five"
    (re.compile(r"^[~≈](?=[$€£¥]?[0-9])"), "about "),
    (re.compile(r"^±(?=[0-9])"), "plus or minus "),
    (re.compile(r"(?<=[0-9])×(?=[0-9])"), " by "),
    (re.compile(r"(?<=[0-9])(?=[½¼¾])"), " and "),
    (re.compile(r"(?<=[0-9])²$"), " squared"),
    (re.compile(r"(?<=[0-9])³$"), " cubed"),
    (re.compile(r"^(-?[0-9.]+) ?m$"), r"\1 meters"),  # "five minutes" for 5 m
    (re.compile(r"(?<=[0-9])'([0-9]+)$"), r" foot \1"),
    (re.compile(r"(?<![0-9-])[0-9]{3}-[0-9]{4}$"), _digit_by_digit),  # "... to one thousand ..."
    (re.compile(r"^(24|9)/(7|11)$"), r"\1 \2"),  # "twenty four sevenths"
    (re.compile(r"[0-9]+(?:\.[0-9]+){2,}"), lambda version: " point ".join(version[0].split("."))),
    (re.compile(r"(?<=[A-Za-z])(?=[0-9]+\.[0-9])"), " "),  # "v two.zero"
)
_CHINESE: Sequence[_Rule] = (
    (re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))"), ""),  # "一,零零零"
    (re.compile(r"(?<=[A-Za-z])-(?=[0-9])"), " "),  # "GPT负四" for GPT-4
    (re.compile(r"^(?:[Nn][Oo]\. ?|#)(?=[0-9])"), "第"),
    (re.compile(r"^[~～≈](?=[0-9])"), "约"),
    (re.compile(r"^([0-9]{1,4})[-–~～]([0-9]{1,4})(?![-0-9])"), r"\1到\2"),  # "一减二"
    (re.compile(r"([0-9]{3}0)s\b"), r"\1年代"),  # "一千九百九十秒"
    (re.compile(r"^24/7$"), "24 7"),
    (re.compile(r"㎡|(?<=[0-9])m²"), "平方米"),
    (re.compile(r"(?<=[0-9])²$"), "的平方"),
    (re.compile(r"[0-9]+(?:\.[0-9]+){2,}$"), lambda number: "点".join(number[0].split("."))),
    (re.compile(r"(?<=[0-9]) ?TWh\b"), "太瓦时"),
    (re.compile(r"(?<=[0-9]) ?GWh\b"), "吉瓦时"),
    (re.compile(r"(?<=[0-9]) ?MWh\b"), "兆瓦时"),
    (re.compile(r"(?<=[0-9]) ?kWh\b"), "千瓦时"),
)


def correct_english(expression: str) -> str:
    """Rewrite an English expression so that wetext verbalizes it correctly."""
    return _apply(_ENGLISH, expression)


def correct_chinese(expression: str) -> str:
    """Rewrite a Chinese expression so that wetext verbalizes it correctly."""
    return _apply(_CHINESE, expression)


def _apply(rules: Sequence[_Rule], expression: str) -> str:
    for pattern, replacement in rules:
        expression = pattern.sub(replacement, expression)
    return expression
