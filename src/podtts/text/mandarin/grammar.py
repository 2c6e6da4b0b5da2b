"""The Mandarin grammar: its rules in order of precedence, and where they are tried."""

import re

from podtts.text.grammar import Grammar
from podtts.text.languages import HAN
from podtts.text.mandarin import (
    angles,
    clock,
    codes,
    dates,
    formulas,
    phones,
    quantities,
    roman,
    signs,
    web,
)
from podtts.text.readable import SIGN

# A stretch with a digit or a sign, or letters with a dot inside; and what may belong to it.
_BEFORE = r"[(（]?(?:[A-Z]{2,9} |[Nn]o\. ?)?[A-Za-z0-9_/第负.-]{0,60}"
_STRETCH = rf"{_BEFORE}(?:[0-9]|{SIGN}|[α-ωΩΔΣ]|[A-Za-z]\.[A-Za-z])"

GRAMMAR = Grammar(
    rules=(
        *web.RULES,
        *dates.RULES,
        *angles.RULES,
        *phones.RULES,
        *codes.RULES,
        *dates.WORD_RULES,
        *clock.RULES,
        *formulas.RULES,
        *quantities.RULES,
        *signs.NUMBER_RULES,
        *roman.RULES,
        *codes.CODE_RULES,
        *quantities.NUMBER_RULES,
        *formulas.POWER_RULES,
        *signs.RULES,
    ),
    active=re.compile(rf"{dates.WEEKDAYS}|(?<![A-Za-z0-9])[IVX]{{1,6}}(?![A-Za-z0-9])|{_STRETCH}"),
    ranged=frozenset(
        ("money", "measure", "percent", "date", "time", "number", "year", "decade", "fraction")
    ),
    dash=re.compile(rf"(?P<word>[{HAN}]{{1,4}})?[-–—~～](?=[0-9$¥￥€£])"),
    join=lambda before: "到",
)
