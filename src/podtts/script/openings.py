"""How the beginning of a line may name a speaker, in the spellings of other tools.

    Speaker 1: Hello        Anna:Hello         Anna (laughing): Hello      Anna [00:12]: Hello
    **Anna:** Hello         - Anna: Hello      "Anna": Hello               > Anna: Hello
    [Dr. Smith] Hello       【安娜】你好         [00:00:01] Anna: Hello      Anna  00:12
    Anna - Hello
    ANNA                    a name alone, and the text on the next line

This module knows spellings alone; `speaker_names` decides which of them are speakers.
"""

import re
from dataclasses import dataclass
from typing import Literal

from podtts.script.names import NAME, as_name

# bracket: [Anna] Hello. colon: Anna: Hello. tight: Anna:Hello. alone: Anna: and no text behind it.
# bare: Anna, without a colon. strong: **Anna** Hello. dash: Anna - Hello.
Kind = Literal["bracket", "colon", "tight", "alone", "bare", "strong", "dash"]

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
_SPAN = rf"{_CLOCK}(?:\s{{0,2}}(?:-->|->|[-–—]|to)\s{{0,2}}{_CLOCK})?"
_STAMP = rf"(?:\[\s?{_SPAN}\s?\]|\(\s?{_SPAN}\s?\)|<\s?{_SPAN}\s?>|{_SPAN})"
_MARK = r"(?:[*_]{1,3}|~~|`|[\"“”„'‘’「」『』«»])"
_BEFORE = (
    rf"(?:(?:[-*+•‣–—]|\d{{1,3}}[.)]|>{{1,3}}|&gt;&gt;)[ \t]+|>>+[ \t]*)?"
    rf"(?:{_STAMP}[ \t]*(?:[-–—|][ \t]+)?)?"
)
_ASIDE = r"(?:[ \t]?[\[(（][^()（）\[\]]{0,80}[\])）])"
_COLON = r"[ \t]?[:：]"

_BRACKETED = re.compile(
    rf"(?P<before>{_BEFORE})(?P<open>{_MARK})?(?:\[(?P<name>{NAME})\]|【(?P<wide>{NAME})】)"
    rf"(?P<close>{_MARK})?[:：]?(?P<after>{_MARK})?"
)
_NAMED = re.compile(
    rf"(?P<before>{_BEFORE})(?P<open>{_MARK})?(?P<name>{NAME})(?P<aside>{_ASIDE}{{0,2}})"
    rf"(?P<close>{_MARK})?(?P<aside_behind>{_ASIDE})?(?P<time>[ \t]{{1,4}}{_CLOCK}(?!\d|:\d))?"
    rf"(?P<colon>{_COLON})(?P<after>{_MARK})?"
)
_BARE = re.compile(
    rf"(?P<before>{_BEFORE})(?P<open>{_MARK})?(?P<name>{NAME})(?P<close>{_MARK})?"
    rf"(?P<aside>{_ASIDE}{{0,2}})(?P<time>[ \t]{{1,4}}{_CLOCK})?[ \t]*\Z"
)
_STRONG = re.compile(
    rf"(?P<before>{_BEFORE})(?P<open>\*\*|__)(?P<name>{NAME})(?P<close>\*\*|__)(?=[ \t])"
)
_DASHED = re.compile(rf"(?P<before>)(?P<open>)(?P<close>)(?P<name>{NAME})[ \t]+[-–—>|][ \t]+(?=\S)")
_IS_TIME = re.compile(rf"\s*[\[(（<]?\s?{_SPAN}\s?[\])）>]?\s*")
_ASIDE_TEXT = re.compile(r"[\[(（]([^()（）\[\]]*)[\])）]")
_LONGEST_HEAD = 400  # characters of a name with all that may stand around it
_CLOSERS = {"「": "」", "『": "』", "“": "”", "‘": "’", "«": "»", "„": "“"}


@dataclass(frozen=True)
class Opening:
    """A possible label at the beginning of a line."""

    label: str
    kind: Kind
    written: str  # the label as written, for messages
    asides: tuple[str, ...]  # what stands in brackets behind the name, without times
    text: str  # the rest of the line
    time: str  # as written; empty if there is none
    is_marked: bool  # bold, quoted, with a time or with an aside: more than a name and a colon


def find_opening(line: str) -> Opening | None:
    """Return the label that a line may begin with, or None."""
    head = line[:_LONGEST_HEAD]
    if ("[" in head or "【" in head) and (match := _BRACKETED.match(line)):
        written = match["name"] or match["wide"]
        return _opening(line, match, written, "bracket", "")
    match = _NAMED.match(line) if ":" in head or "：" in head else None
    if match and (named := _named(line, match)):
        return named
    if ("**" in head or "__" in head) and (match := _STRONG.match(line)):
        return _opening(line, match, match["name"], "strong", "")
    if match := _DASHED.match(line):
        return _opening(line, match, match["name"], "dash", "")
    if len(line) <= _LONGEST_HEAD and (match := _BARE.match(line)):
        return _opening(line, match, match["name"], "bare", match["aside"])
    return None


def _named(line: str, match: re.Match[str]) -> Opening | None:
    rest = line[match.end() :]
    after = match["after"] or ""
    name, opened, closed = match["name"], match["open"] or "", match["close"] or ""
    is_clock = name[-1].isdigit() and rest[:1].isdigit() and not (opened or closed)
    if is_clock or rest.startswith(("//", "\\")):
        return None  # at 10:30, https://, C:\
    begins_text = bool(after) and not _closes(after, opened)
    kind: Kind = "colon"
    if not rest.strip() and not begins_text:
        kind = "alone"
    elif not (rest[:1].isspace() or opened or closed or "：" in match["colon"]):
        kind = "tight" if rest[:1].isascii() or begins_text else "colon"
    aside = (match["aside"] or "") + (match["aside_behind"] or "")
    return _opening(line, match, name, kind, aside)


def _opening(line: str, match: re.Match[str], name: str, kind: Kind, aside: str) -> Opening | None:
    label = as_name(name)
    if label is None:
        return None
    groups = match.groupdict()
    opened = groups["open"] or ""
    end = match.end()
    after = groups.get("after") or ""
    if opened and not any(_closes(mark or "", opened) for mark in (groups["close"], after)):
        return None
    if after and not _closes(after, opened):
        end = match.start("after")  # it begins the text: Anna: *sigh* or Anna: "Hello."
    asides = _ASIDE_TEXT.findall(aside)
    times = [text for text in asides if _IS_TIME.fullmatch(text)]
    before = groups["before"].strip()
    stamp = re.search(_STAMP, before)
    time = (groups.get("time") or "").strip() or (times or [stamp[0] if stamp else ""])[0]
    return Opening(
        label,
        kind,
        line[len(groups["before"]) : end].strip(),
        tuple(text for text in asides if text not in times),
        line[end:].strip(),
        time,
        bool(opened or aside or time),
    )


def _closes(mark: str, opened: str) -> bool:
    """Whether a mark ends the emphasis or quotation that began with `opened`."""
    return bool(mark) and mark == _CLOSERS.get(opened, opened)
