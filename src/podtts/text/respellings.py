"""Spots of a text that wetext misreads, respelled so that it reads them right.

Each pair is (pattern, replacement), applied in order to a single spot such as `$1,000` or `GPT-4`.
What a pair keeps wetext from saying stands behind it.
"""

import re
from collections.abc import Callable, Sequence

_MONTHS = (
    r"January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec"
)
MONTH = rf"(?:{_MONTHS})"

_Respelling = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _ordinal(day: str) -> str:
    number = int(day)
    teens = 11 <= number % 100 <= 13
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _spelled(number: re.Match[str]) -> str:
    """Digits one by one; what parts them is a short rest."""
    return ", ".join(" ".join(group) for group in re.findall("[0-9]+", number[0]))


_ENGLISH: Sequence[_Respelling] = (
    (re.compile(r"(?<=[0-9])[–‒](?=[0-9])"), "-"),  # "five–ten"
    (re.compile(r"(?<![0-9,.])1000(?![0-9])"), "1,000"),  # "ten hundred", as if it were a year
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
    (re.compile(r"\b(1[0-9]{3}|20[0-9]{2})-(1[0-9]{3}|20[0-9]{2})\b"), r"\1 to \2"),  # not as years
    (re.compile(r"^(?:No\. ?|#)(?=[0-9])"), "number "),  # "Number. five", a failure
    (re.compile(r"^[~≈](?=[$€£¥]?[0-9])"), "about "),
    (re.compile(r"^±(?=[0-9])"), "plus or minus "),
    (re.compile(r"(?<=[0-9])×(?=[0-9])"), " by "),
    (re.compile(r"(?<=[0-9])(?=[½¼¾])"), " and "),
    (re.compile(r"(?<=[0-9])²$"), " squared"),
    (re.compile(r"(?<=[0-9])³$"), " cubed"),
    (re.compile(r"^(-?[0-9.]+) ?m$"), r"\1 meters"),  # "five minutes" for 5 m
    (re.compile(r"(?<=[0-9])'([0-9]+)$"), r" foot \1"),
    (re.compile(r"(?<![0-9-])[0-9]{3}-[0-9]{4}$"), _spelled),  # "... to one thousand ..."
    (re.compile(r"^(24|9)/(7|11)$"), r"\1 \2"),  # "twenty four sevenths"
    (re.compile(r"[0-9]+(?:\.[0-9]+){2,}"), lambda version: " point ".join(version[0].split("."))),
    (re.compile(r"(?<=[A-Za-z])(?=[0-9]+\.[0-9])"), " "),  # "v two.zero"
)
_CHINESE: Sequence[_Respelling] = (
    (re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))"), ""),  # "一,零零零"
    (re.compile(r"(?<=[A-Za-z])-(?=[0-9])"), " "),  # GPT-4 is not "GPT负四"
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


def respell_english(spot: str) -> str:
    """Return a spot of an English text as wetext reads it right."""
    return _respell(spot, _ENGLISH)


def respell_chinese(spot: str) -> str:
    """Return a spot of a Chinese text as wetext reads it right."""
    return _respell(spot, _CHINESE)


def _respell(spot: str, respellings: Sequence[_Respelling]) -> str:
    for pattern, replacement in respellings:
        spot = pattern.sub(replacement, spot)
    return spot
