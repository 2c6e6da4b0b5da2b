"""Versions, and codes of digits and of letters with digits, in English.

What a number names is told by its form or by the words before it: room 1428 is read in pairs, PIN
1428 digit by digit.
"""

import re

from podtts.text.english import numbers
from podtts.text.english.phones import COUNTED
from podtts.text.english.units import UNIT
from podtts.text.grammar import Match, Rule, after, before, either
from podtts.text.numerals import is_european

_VERSION = re.compile(
    r"(?<![\w.,])(?P<v>[vV]\.? ?)?(?P<parts>[0-9]+(?:\.[0-9]+)+)"
    r"(?P<rest>[a-z][0-9]+|-?(?:alpha|beta|rc)[0-9]*(?:\.[0-9]+)*)?(?!\w|\.[0-9])"
)
_VERSION_WORD = re.compile(
    r"\b(?:version|release|build|python|ios|ipados|macos|android|java|ubuntu|linux|kernel|php|ruby"
    r"|rust|swift|windows|chrome|firefox|safari|node(?:\.js)?|react|pytorch|numpy|cuda|bluetooth"
    r"|usb|http|tls|html|postgres(?:ql)?|mysql|llama|gpt|gemini|claude|v|ver\.|patch"
    r"|upgraded? (?:to|from))[ -]$",
    re.IGNORECASE,
)
_DIGITS_WORD = re.compile(
    r"\b(?:zip(?: code)?|post ?code|postal code|area code|account|acct|pin|passcode|password|code"
    r"|passphrase|otp|cvv|cvc|card|ending|ends|serial|id|ssn|pnr|extension|ext\.?|phone|telephone"
    r"|tel\.?|mobile|cell|fax|hotline|call|dial|text|isbn|issn|vin|iban|routing|sort code|tracking"
    r"|confirmation|booking|reservation|reference|ref\.?|badge|licen[sc]e|plate|passport|flight"
    r"|(?:case|order|ticket) (?:number|no\.?|#)|mailbox|combination|channel|invoice|policy|port"
    r"|member(?:ship)?|employee|student|whatsapp|number is|error|status|box|model)"
    r"(?:[ ,]*(?:number|numbers|no\.?|code|id|in|is|was|are|at|us at|me at|on|now|#|:))*[ ,:#]*$",
    re.IGNORECASE,
)
_PAIRS_WORD = re.compile(
    r"\b(?:rooms?|suite|apartment|apt\.?|unit|route|highway|interstate|hwy|us|bus|boeing|airbus"
    r"|rm\.?|gate|studio|floor|door|locker|office|hall|line|train|form)"
    r"(?: (?:number|no\.?|#))?[ #]*$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"(?<![\w.,$€£%])(?P<digits>[0-9]{3,})(?![\w%$€£]|[.,:/][0-9])")
_LONG = re.compile(r"(?<![\w.,$€£])(?P<digits>[0-9]{9,})(?![\w%]|[.,][0-9])")
_STATUTE = re.compile(
    r"(?<![\w.,$])(?P<digits>[0-9]{3})(?P<parts>(?:\([a-z0-9]\))+|(?<=401)k\b|(?<=403)b\b)"
)
_FISCAL = re.compile(r"(?<!\w)(?P<name>FY|CY)[ ’']?(?P<year>[0-9]{4}|[0-9]{2})(?!\w)")
_MODEL = re.compile(
    r"(?<![\w.])(?P<name>[A-Z]{2,}) (?P<digits>[1-9][0-9]{2,3})(?![\w%]|[.,:/-][0-9])"
)
_STANDARD = re.compile(
    r"(?<![\w.])(?P<name>(?:ISO(?:/IEC)?|IEC|DIN|EN|ANSI|ASTM|IEEE|RFC|BS)(?: [A-Z]{2,})?) "
    r"(?P<digits>[1-9][0-9]{2,4})(?P<part>-[0-9]{1,2})?(?P<year>[:-](?:19|20)[0-9]{2})?"
    r"(?!\w|[.,:/-][0-9])"
)
_ZIP = re.compile(r"(?<![\w.,$-])(?P<area>[0-9]{5})-(?P<street>[0-9]{4})(?![\w%]|[.,-][0-9])")
_SHARP = re.compile(r"(?<!\w)(?P<letter>[CF])#(?!\w)")
_BETWEEN = re.compile(r"(?<![\w.,/-])(?P<a>[A-GMOPSU])2(?P<b>[A-GMOPSU])(?!\w)")
_CODE = re.compile(
    r"(?<![\w.@#])(?=[A-Za-z/-]*[0-9])(?=[0-9/-]*[A-Za-z])"
    r"(?P<code>[A-Za-z0-9]+(?:[-/][A-Za-z0-9]+)*)(?P<plus>\+*)(?P<decimals>\.[0-9]+)?(?!\w)"
)
_PIECE = re.compile(r"[0-9]+|[A-Za-z]+|-|/")
# 1st-class, 2-5lb, 6-7pm, noon-1pm, mid-80s
_NO_CODE = re.compile(
    r"(?i:[0-9]+(?:st|nd|rd|th))(?:-.*)?|(?:[a-z]+-)?[0-9]*0s(?:-.*)?"
    rf"|[0-9]+-[0-9]+(?:{UNIT}|x|[kMB])|(?:[0-9]+|[a-z]+)-[0-9]+(?i:am|pm)"
)
_IDIOMS = ("50-50", "24/7", "9/11", "7/11", "50/50", "20/20", "60/40", "70/30", "80/20", "90/10")
_IDIOM = re.compile(rf"(?<![\w.,/$]){either(_IDIOMS)}(?![\w/%]|[.,][0-9])")


def _read_version(match: Match) -> str | None:
    parts, rest = match["parts"].split("."), match["rest"]
    is_named = match["v"] or rest or _VERSION_WORD.search(before(match))
    if not match["v"] and is_european(match["parts"]):
        return None  # 1.000.000
    if len(parts) < 3 and not is_named:
        return None
    words = " point ".join(_part(part) for part in parts)
    if rest:
        words += f" {_code(rest.lstrip('-'))}"
    return f"{match['v'].strip(' .')} {words}" if match["v"] else words


def _part(digits: str) -> str:
    return numbers.spelled(digits) if digits[0] == "0" else numbers.cardinal(digits)


def _read_named(match: Match) -> str | None:
    digits, preceding = match["digits"], before(match)
    if COUNTED.match(after(match)):
        return None
    if _DIGITS_WORD.search(preceding):
        return numbers.spelled(digits)
    return numbers.pairs(digits) if _PAIRS_WORD.search(preceding) else None


def _read_long(match: Match) -> str | None:
    digits = match["digits"]
    if digits.endswith("000") or COUNTED.match(after(match)):
        return None
    if len(digits) == 10 and digits[0] not in "01":  # a telephone number
        return ", ".join(map(numbers.spelled, (digits[:3], digits[3:6], digits[6:])))
    return numbers.spelled(digits)


def _read_statute(match: Match) -> str:
    """401(k) -> four oh one k"""
    parts = re.findall("[a-z0-9]", match["parts"])
    words = [numbers.cardinal(part) if part.isdecimal() else part for part in parts]
    return " ".join([numbers.pairs(match["digits"]).replace("zero", "oh"), *words])


def _read_idiom(match: Match) -> str:
    return " ".join(map(numbers.cardinal, re.split("[-/]", match[0])))


def _read_model(match: Match) -> str | None:
    if COUNTED.match(after(match)):
        return None
    read = numbers.spelled if _DIGITS_WORD.search(f"{match['name']} ") else numbers.pairs
    return f"{match['name']} {read(match['digits'])}"


def _read_standard(match: Match) -> str:
    """ISO 9001:2015 -> ISO nine thousand and one, twenty fifteen"""
    words = numbers.cardinal(match["digits"])
    if not match["digits"].endswith(("00", "01")):
        words = numbers.pairs(match["digits"])
    if match["part"]:
        words += f" part {numbers.cardinal(match['part'][1:])}"
    if match["year"]:
        words += f", {numbers.year(match['year'][1:])}"
    return f"{match['name'].replace('/', ' ')} {words}"


def _read_zip(match: Match) -> str:
    """10003-4821, the ZIP code of a street"""
    return f"{numbers.spelled(match['area'])}, {numbers.spelled(match['street'])}"


def _read_fiscal(match: Match) -> str:
    return f"{match['name']} {numbers.short_year(match['year'])}"


def _read_sharp(match: Match) -> str:
    return f"{match['letter']} sharp"


def _read_between(match: Match) -> str:
    """B2B -> B to B"""
    return f"{match['a']} to {match['b']}"


def _read_code(match: Match) -> str | None:
    if _NO_CODE.fullmatch(match["code"]):
        return None
    words = _code(match["code"]) + " plus" * len(match["plus"])
    return f"{words} point {numbers.spelled(match['decimals'][1:])}" if match["decimals"] else words


def _code(code: str) -> str:
    """A380-b -> A three eighty-b"""
    words, pieces = "", _PIECE.findall(code)
    for at, piece in enumerate(pieces):
        if piece == "-":
            words += "-"
            continue
        if words and words[-1] != "-":
            words += " "
        if piece.isdecimal():
            before_hyphen = pieces[at - 2] if pieces[at - 1] == "-" else ""
            after_letters = at > 0 and (pieces[at - 1] + before_hyphen).strip("-").isalpha()
            words += _code_number(piece, after_letters, pieces[at + 1 : at + 2] in (["p"], ["i"]))
        else:
            words += "slash" if piece == "/" else piece
    return words


def _code_number(digits: str, after_letters: bool, are_lines: bool) -> str:
    """Read the digits of a code; are_lines: those of a picture, 1080p."""
    if digits[0] == "0" or len(digits) > 4:
        return numbers.spelled(digits)
    if are_lines or (after_letters and len(digits) == 3):
        return numbers.pairs(digits)
    if after_letters and len(digits) == 4 and digits[2:] != "00":
        return numbers.spelled(digits)
    return numbers.cardinal(digits)


RULES = (
    Rule("idiom", _IDIOM, _read_idiom),
    Rule("statute", _STATUTE, _read_statute),
    Rule("standard", _STANDARD, _read_standard),
    Rule("digits", _ZIP, _read_zip),
    Rule("version", _VERSION, _read_version),
    Rule("digits", _NAMED, _read_named),
    Rule("digits", _LONG, _read_long),
)
# These take what is left when units and years have been read.
CODE_RULES = (
    Rule("code", _FISCAL, _read_fiscal),
    Rule("code", _MODEL, _read_model),
    Rule("code", _SHARP, _read_sharp),
    Rule("code", _BETWEEN, _read_between),
    Rule("code", _CODE, _read_code),
)
