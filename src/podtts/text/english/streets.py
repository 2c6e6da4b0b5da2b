"""Addresses of houses in English: 1428 Elm St., Springfield, IL 62704."""

import re

from podtts.text.english import numbers
from podtts.text.grammar import Match, Rule, after, before, either, table

_STREETS = table("""
St Street: Street
Ave Av Avenue: Avenue
Blvd Boulevard: Boulevard
Rd Road: Road
Ln Lane: Lane
Ct Court: Court
Pl Place: Place
Sq Square: Square
Hwy Highway: Highway
Fwy Freeway: Freeway
Expy Expressway: Expressway
Pkwy Parkway: Parkway
Tpke Turnpike: Turnpike
Ter Terrace: Terrace
Cir Circle: Circle
Trl Trail: Trail
Dr Drive: Drive
Plz Plaza: Plaza
Way: Way
Broadway: Broadway
""")
_DIRECTIONS = table("""
N: North
S: South
E: East
W: West
NE: Northeast
NW: Northwest
SE: Southeast
SW: Southwest
""")
_STATES = table("""
AL: Alabama
AK: Alaska
AZ: Arizona
AR: Arkansas
CA: California
CO: Colorado
CT: Connecticut
DE: Delaware
DC: D C
FL: Florida
GA: Georgia
HI: Hawaii
ID: Idaho
IL: Illinois
IN: Indiana
IA: Iowa
KS: Kansas
KY: Kentucky
LA: Louisiana
ME: Maine
MD: Maryland
MA: Massachusetts
MI: Michigan
MN: Minnesota
MS: Mississippi
MO: Missouri
MT: Montana
NE: Nebraska
NV: Nevada
NH: New Hampshire
NJ: New Jersey
NM: New Mexico
NY: New York
NC: North Carolina
ND: North Dakota
OH: Ohio
OK: Oklahoma
OR: Oregon
PA: Pennsylvania
RI: Rhode Island
SC: South Carolina
SD: South Dakota
TN: Tennessee
TX: Texas
UT: Utah
VT: Vermont
VA: Virginia
WA: Washington
WV: West Virginia
WI: Wisconsin
WY: Wyoming
""")
_WORDS = ("IN", "OR", "ME", "OK", "HI", "ID")  # states only in a sentence with a number
_HOUSE = (
    rf"(?P<house>[0-9]{{1,5}}(?:-[0-9]{{1,4}}|[A-Za-z])?) "
    rf"(?:(?P<direction>{either(_DIRECTIONS)})\.? )?"
)
_NAME = r"(?P<name>(?:[0-9]+(?:st|nd|rd|th)|[A-Z]\w*[a-z'’]\w*)(?: [A-Z][\w'’]*){0,3})"
# The short forms are also written small.
_STREET_WORD = (
    rf"(?:{either(_STREETS)}|{either(word.lower() for word in _STREETS if len(word) < 5)})"
)
_STREET = re.compile(rf"(?<![\w.,$-]){_HOUSE}{_NAME} (?P<street>{_STREET_WORD})(?!\w)(?P<dot>\.)?")
_STATE = re.compile(
    rf"(?<=[a-z], )(?P<state>{either(_STATES)})"
    r"(?:,? (?P<zip>[0-9]{5})(?:-(?P<more>[0-9]{4}))?)?"
    r"(?=[.,!?;:)]|\s*$| [a-z])"
)
_ROAD = re.compile(
    r"(?<=\w )(?P<street>Ave|Blvd|Rd|Hwy|Pkwy|Expy|Ln|St|Dr)(?P<dot>\.)?(?!\w)"
)  # fmt: skip
_ON_ROAD = re.compile(
    r"\b(?:on|at|near|to|down|of|along|from|off|by|and|up|onto)"
    r" (?:[A-Z][\w'’]*|[0-9]+(?:st|nd|rd|th)) $"
)
# St. and Dr. are more often a saint and a doctor: at Anna's Dr. Smith waits.
_NAME_BEFORE = re.compile(r"[A-Z]\w* $")
_RANKED = re.compile(r"[0-9](?:st|nd|rd|th) $")
_SENTENCE_END = re.compile(r"\s*$|\s+[A-Z]")


def _read_street(match: Match) -> str:
    words = [_house(match["house"])]
    if match["direction"]:
        words.append(_DIRECTIONS[match["direction"]])
    words += [
        numbers.ordinal(word[:-2]) if word[0].isdecimal() else word
        for word in match["name"].split()
    ]
    words.append(_STREETS[match["street"].capitalize()])
    return " ".join(words) + _full_stop(match)


def _house(house: str) -> str:
    """221B -> two twenty one B"""
    return " ".join(
        numbers.pairs(piece) if piece.isdecimal() else piece
        for piece in re.findall(r"[0-9]+|[A-Za-z]", house)
    )


def _read_state(match: Match) -> str | None:
    state = match["state"]
    if not match["zip"] and state in _WORDS and not re.search("[0-9]", match.string):
        return None
    codes = [numbers.spelled(code) for code in match.group("zip", "more") if code]
    return " ".join([_STATES[state], *[", ".join(codes)] * bool(codes)])


def _read_road(match: Match) -> str | None:
    is_title = match["street"] in ("St", "Dr") and re.match(" [A-Z]", after(match))
    name = _ON_ROAD if match["street"] in ("St", "Dr") else _NAME_BEFORE
    is_named = name.search(before(match)) and not is_title
    if not is_named and not _RANKED.search(before(match)):
        return None
    return _STREETS[match["street"]] + _full_stop(match)


def _full_stop(match: Match) -> str:
    return "." if match["dot"] and _SENTENCE_END.match(after(match)) else ""


RULES = (
    Rule("street", _STREET, _read_street),
    Rule("state", _STATE, _read_state),
    Rule("street", _ROAD, _read_road),
)
