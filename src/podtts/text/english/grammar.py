"""The English grammar: its rules in order of precedence, and where they are tried."""

import re

from podtts.text.english import (
    abbreviations,
    angles,
    clock,
    codes,
    dates,
    feet,
    formulas,
    phones,
    plain,
    quantities,
    roman,
    signs,
    streets,
    web,
    years,
)
from podtts.text.english.units import CODE
from podtts.text.grammar import Grammar
from podtts.text.readable import SIGN

# Words that a rule may read, or that belong to a number after them.
_WORDS = "|".join(
    (
        rf"{dates.WEEKDAY}(?:\.|,| ?[-–—] ?[A-Z]| to [A-Z])",
        rf"{dates.MONTH}\.? ?[-–—] ?{dates.MONTH}(?![a-z])",
        rf"{CODE} ?[0-9.]",
        r"[A-Z]{2,} [0-9]",  # RTX 4090
        r"(?:[IVXLCDM]+(?:th|st|nd|rd)?|[ivxl]{2,7}|[vx])(?![\w.]*\w)",
        r"WWII?\b|Nos (?=[0-9])|[A-DF]-(?![\w-])",
        r"w/|et al\.|[A-Za-z]{1,6}\.",  # Dr., etc., e.g.
        r"(?:vs|No|A\.?D|Ave|Blvd|Rd|Hwy|Pkwy|Expy|Ln|St|Dr)\b",
        r"[A-Z]{2}(?=[.,!?]|\s|$)",  # NY
    )
)
_MONTH = rf"(?i:(?<![^\W\d_]){dates.MONTH}\.?,?[ -](?:the )?(?=['’]?[0-9]))"
# A token as far as it has digits or signs, or a dot inside.
_TOKEN = rf"\S{{0,60}}(?:[0-9]|{SIGN}|[α-ωΩΔΣΦ]|[A-Za-z]\.[A-Za-z])"

GRAMMAR = Grammar(
    rules=(
        *signs.FIRST_RULES,
        *web.RULES,
        *dates.RULES,
        *years.RULES,
        *streets.RULES,
        *clock.RULES,
        *phones.RULES,
        *codes.RULES,
        *plain.ORDINAL_RULES,
        *formulas.RULES,
        *plain.DIMENSION_RULES,
        *angles.RULES,
        *quantities.RULES,
        *feet.RULES,
        *plain.FRACTION_RULES,
        *abbreviations.RULES,
        *roman.RULES,
        *years.BARE_RULES,
        *codes.CODE_RULES,
        *plain.NUMBER_RULES,
        *formulas.POWER_RULES,
        *signs.RULES,
    ),
    active=re.compile(rf"{_MONTH}|(?<!\w)(?:{_WORDS})|{signs.EMOTICON}|{_TOKEN}"),
    ranged=frozenset(
        (
            "money", "measure", "date", "time", "number", "year", "decade", "ordinal", "era",
            "fraction",
        )
    ),
    dash=re.compile(r"(?P<word> [A-Za-z]+)?(?:[-–—~](?=[^\s-])| [-–—] (?=\S))"),
    join=lambda before: " and " if before.lower().endswith("between ") else " to ",
)  # fmt: skip
