"""Roman numerals in English, where a word or a name before them asks for a number.

Act III is act three, Henry VIII is Henry the eighth. Other capitals, such as CD or MIX, and the
word I stay as they are.
"""

import re

from podtts.text.english import numbers
from podtts.text.grammar import Match, Rule, after, before, either, word_set
from podtts.text.roman import ROMAN, roman_value

_ROMAN = re.compile(
    rf"(?<![\w.'’-])(?P<roman>{ROMAN})(?P<suffix>th|st|nd|rd)?(?:[-–](?P<last>{ROMAN}))?"
    r"(?![\w’.]*\w)(?!['’][a-rt-z])(?![-–](?:[A-Z]|[0-9]))"
)
_SMALL = re.compile(r"(?<![\w.'’-])(?P<roman>[ivxl]{2,7}|[vx])(?![\w’.'-]*\w)")
_NUMBERED = re.compile(
    r"\b(?:"
    + either(
        "War Wars Act Acts Part Parts Chapter Chapters Ch. Volume Vol. Book Books Type Phase Stage "
        "Level Class Grade Title Article Articles Section Sections Appendix Figure Fig. Table Bowl "
        "Fantasy Mark Model Windows Apollo Gemini Saturn Schedule Annex Episode Episodes Season "
        "Scene Canto Psalm Unit Tier Category Group Division Region Zone Round Step Track Lesson "
        "Module Symphony Sonata Concerto No. Opus WrestleMania Game Rocky Rambo Trial Cohort Quest "
        "Olympiad Exhibit Question Proposition Amendment Factor Vatican Basel Mercury Polaris "
        "Titan Number Sonnet Variation Movement Wave Edition Angiotensin nerve World PART CHAPTER "
        "ACT VOLUME BOOK type phase stage level chapter chapters part parts act scene volume book "
        "section page pages grade class vol. ch. pt. Pt. bk. Bk. sec. Sec. fig. p. pp."
    )
    + r")(?: [IVX]+,?(?: and| or| to| through)?)? $"
)
_RULERS = re.compile(
    r"\b(?:"
    + either(
        "King Queen Pope Emperor Tsar Czar Prince Sultan Shah Pharaoh Elizabeth James Charles "
        "Henry George William Edward Richard Louis Philip Peter Catherine Mary Nicholas Alexander "
        "Frederick Ferdinand Francis Napoleon John Paul Benedict Pius Leo Ramses Ramesses Thutmose "
        "Amenhotep Seti Cyrus Darius Xerxes Mehmed Selim Murad Otto Ivan Constantine Ptolemy "
        "Cleopatra Maria Isabella Anne Umberto Haakon Margrethe Carol Leopold Albert Wilhelm "
        "Joseph Emmanuel Carlos Felipe Gregory Innocent Urban Clement Sixtus"
    )
    + r")(?: [A-Z][a-z]+)? $"
)
_PLACE_IN_TEXT = re.compile(
    r"\b(?:scene|act|pages?|pp?\.|chapters?|ch\.|vol\.|volume|book|canto|part|section)"
    r"(?: [ivxl]+,?(?: and| or| to| through)?)? $",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?:^|[\s(\"“])(?!(?:The|A|An|And|In|On|Of|But|Or|To|For|From|With|So|If|As|At|Is|It|My|Our|We"
    r"|Was|I)\s)[A-Z][a-zé'’.-]+,? $"
)
_RANKED = re.compile(r"[ -](?:century|centuries|dynasty|Olympic|Olympics|Olympiad|Legion|Corps)\b")
_SPEAKER = re.compile(
    r" (?:am|was|have|had|like|love|can|will|would|do|did|think|know|want|saw|read|and I)\b"
    r"|['’](?:m|ve|d|ll)"
)
# These stand alone as words or abbreviations.
_WORDS = word_set("CD CV DC DI DM DVI LI MC MD MI MIX MM CC CM CI DL ID XL XXL XD XX VI")
_LARGEST_OF_NAMES = 29


def _read_roman(match: Match) -> str | None:
    roman, preceding = match["roman"], before(match)
    value = roman_value(roman)
    is_speaker = roman == "I" and _SPEAKER.match(after(match))
    if match["suffix"] or _RANKED.match(after(match)):
        return numbers.ordinal(str(value)) if len(roman) > 1 else None
    if roman in "CDLM" or (roman == "X" and preceding.endswith("Model ")):
        return None  # letters: Appendix C
    if _NUMBERED.search(preceding):
        return None if is_speaker else _count(match)
    if match["last"] or is_speaker:
        return None
    if _RULERS.search(preceding) and set(roman) <= set("IVX"):
        return f"the {numbers.ordinal(str(value))}"
    if len(roman) < 2:
        return None
    if match.string.strip(" .!?") == roman:
        return None if roman in _WORDS else _count(match)
    is_name = _NAME.search(preceding) and set(roman) <= set("IVX") and roman != "XX"
    return f"the {numbers.ordinal(str(value))}" if is_name and value <= _LARGEST_OF_NAMES else None


def _read_small(match: Match) -> str | None:
    """scene iv -> scene four"""
    roman = match["roman"].upper()
    if not re.fullmatch(ROMAN, roman) or not _PLACE_IN_TEXT.search(before(match)):
        return None
    return numbers.cardinal(str(roman_value(roman)))


def _count(match: Match) -> str:
    return " to ".join(
        numbers.short_year(digits) if len(digits) == 4 else numbers.cardinal(digits)
        for digits in (str(roman_value(roman)) for roman in match.group("roman", "last") if roman)
    )


RULES = (Rule("roman", _ROMAN, _read_roman), Rule("roman", _SMALL, _read_small))
