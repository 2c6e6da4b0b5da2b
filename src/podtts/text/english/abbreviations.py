"""Titles and other abbreviations in English."""

import re

from podtts.text.english.phones import COUNTED
from podtts.text.grammar import Match, Rule, after, before, either, table

_TITLES = table("""
Dr: Doctor
Mr: Mister
Mrs: Misses
Ms: Miss
Prof: Professor
Gen: General
Col: Colonel
Capt: Captain
Lt: Lieutenant
Sgt: Sergeant
Maj: Major
Cmdr: Commander
Sen: Senator
Rep: Representative
Gov: Governor
Pres: President
Rev: Reverend
Hon: Honorable
St: Saint
Mt: Mount
Ft: Fort
""")
_TITLE = re.compile(
    rf"(?<![\w.'’-])(?P<title>{either(_TITLES)})\. ?(?=[A-Z][\w'’.]|(?:and|&|or) [A-Z])"
)
_SHORT = table("""
e.g. e._g. E.g.: for example
i.e. i._e. I.e.: that is
etc.: et cetera
vs. vs: versus
cf.: compare
et_al.: and others
a.k.a.: also known as
approx.: approximately
w/: with
w/o w/out: without
b/c: because
c/o: care of
dept. Dept.: department
govt. Govt.: government
assn. Assn.: association
misc.: miscellaneous
incl.: including
excl.: excluding
max.: maximum
avg.: average
est.: established
temp. Temp.: temperature
hrs.: hours
mins.: minutes
WWI WW1: World War one
WWII WW2: World War two
yrs.: years
Jan.: January
Feb.: February
Aug.: August
Sept.: September
Oct.: October
Nov.: November
Dec.: December
""")
# Behind a name alone: Foo Inc., Martin Luther King Jr.
_BEHIND_NAMES = table("""
Inc.: incorporated
Ltd.: limited
Co.: company
Corp.: corporation
Bros.: brothers
Jr.: junior
Sr.: senior
Esq.: esquire
Ave.: Avenue
Blvd.: Boulevard
Rd.: Road
""")
_ABBREVIATION = re.compile(
    rf"(?<![\w.'’/-])(?P<short>{either([*_SHORT, *_BEHIND_NAMES])})(?![\w/])"
)
_NEEDS_WORD = (
    "vs",
    "est.",
    "temp.",
    "Temp.",
    "max.",
    "avg.",
)  # at the end of a sentence these are words
_NUMBER_SIGN = re.compile(
    r"(?<![\w.])(?P<word>[Nn]os?\.|Nos|[Nn]r\.|№|#) ?(?=[0-9])|(?<=[a-z] )No (?=[0-9])"
    r"|(?<=[Ss]erial )(?:no\.|#) ?(?=[A-Z0-9])"
)
_BEFORE_NUMBERS = table("""
vol. Vol.: volume
ch. Ch.: chapter
pp.: pages
p.: page
fig. Fig.: figure
figs. Figs.: figures
sec.: section
eq. Eq.: equation
ext. Ext.: extension
apt. Apt.: apartment
rm. Rm.: room
Ste Ste.: suite
min.: minimum
ca. c.: circa
tel. Tel.: telephone
para.: paragraph
ver. Ver.: version
Hwy Hwy.: highway
Rt. Rte.: route
""")
_NUMBERED = re.compile(rf"(?<![\w.])(?P<word>{either(_BEFORE_NUMBERS)}) ?(?=[0-9IVX]|[ivxl]+\b)")
_LIFE = re.compile(r"(?:(?<=\()|(?<=[,;] ))(?P<word>[bd])\. ?(?=1[0-9]{3}|20[0-9]{2})")
_COUNTED = re.compile(rf"[0-9.,]+{COUNTED.pattern}")
_LAST = re.compile(r"[\"'”’)]*\s*$")


def _read_title(match: Match) -> str:
    return f"{_TITLES[match['title']]} "


def _read_abbreviation(match: Match) -> str | None:
    short = match["short"]
    if short in _NEEDS_WORD and not re.match(r" \S", after(match)):
        return None
    if short in _BEHIND_NAMES and not re.search(r"\w,? $", before(match)):
        return None
    words = _SHORT.get(short) or _BEHIND_NAMES[short]
    ends_sentence = short.endswith(".") and _LAST.match(after(match)) and before(match).strip()
    return f"{words}." if ends_sentence else words


def _read_number_sign(match: Match) -> str | None:
    if match["word"] == "no." and _COUNTED.match(after(match)):
        return None  # the word: he said no. 5 people left
    is_many = (match["word"] or "").lower().startswith("nos")
    return "numbers " if is_many else "number "


def _read_numbered(match: Match) -> str | None:
    if match["word"] == "min." and re.search("[0-9] ?$", before(match)):
        return None  # minutes
    return f"{_BEFORE_NUMBERS[match['word']]} "


RULES = (
    Rule("title", _TITLE, _read_title),
    Rule("abbreviation", _NUMBER_SIGN, _read_number_sign),
    Rule("abbreviation", _NUMBERED, _read_numbered),
    Rule("abbreviation", _LIFE, lambda match: "born " if match["word"] == "b" else "died "),
    Rule("abbreviation", _ABBREVIATION, _read_abbreviation),
)
