"""What stands in brackets or between stars in the text of a line: directions, pauses, marks."""

import re
from collections.abc import Callable

from podtts.script.directions import PAUSE_SECONDS, length_of, meaning
from podtts.script.names import is_name_like, is_role
from podtts.script.reading import ReadingOptions
from podtts.text.characters import excerpt
from podtts.text.pauses import PAUSE_SPELLINGS, Pause, split_pauses
from podtts.text.tags import PARALINGUISTIC_TAGS

Warn = Callable[[str], None]

_BRACKETED = re.compile(
    r"\[(?P<square>[^\[\]]{0,160})\]|［(?P<wide>[^［］]{0,80})］|【(?P<black>[^【】]{0,80})】"
    r"|\((?P<round>[^()]{1,100})\)|（(?P<wide_round>[^（）]{1,100})）"
    r"|\{(?P<curly>[^{}]{0,80})\}|<?\#(?P<number>\d{0,2}(?:\.\d{1,3})?)\#>?"
)
_STARRED = re.compile(
    r"(?<![\w*])\*{1,3}(?=[^\s*])(?P<stars>[^*\n]{1,80})(?<=[^\s*])\*{1,3}(?![\w*])"
    r"|(?<!\w)_(?=[^\s_])(?P<lines>[^_\n]{1,80})(?<=[^\s_])_(?!\w)"
)
# A direction in two pairs of brackets, as in ([pause]), when the inner pair was read.
_AROUND = re.compile(r"[\[({（]\s{0,3}(\[pause [\d.]+\]|<\|\w{1,20}\|>)\s{0,3}[\])}）]")
_TIME = re.compile(
    r"\s*\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
    r"(?:\s*(?:-->|[-–—])\s*\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?)?\s*"
)
_FOOT_MARK = re.compile(
    r"\s*(?:\^?\d{1,3}(?:[,;–-]\s*\d{1,3})*|\^[\w-]{1,30}|[*†‡]+|citation needed)\s*"
)
_SENTENCE_END = '.!?…。！？:："”’」』>)]'
_VERB = re.compile(r"\w+(?:s|ing)\b|sigh\b|ahem\b", re.IGNORECASE)
_LENGTH_WITH_UNIT = re.compile(r"\s*[\d.,]+\s*(?:ms|s|secs?|seconds?|msecs?|milliseconds?|秒)\s*")
_STRENGTHS = {
    **{"none": 0.0, "x-weak": 0.1, "weak": 0.2},
    **{"medium": 0.5, "strong": 0.8, "x-strong": 1.2},
}
_TIME_ATTRIBUTE = re.compile(r"(?:time|duration|dur|length)\s*=\s*[\"']?([^\"'\s]+)")
_STRENGTH_ATTRIBUTE = re.compile(r"strength\s*=\s*[\"']?([\w-]+)")
_PAUSE_TAGS = ("break", "pause", "silence", "wait")
HINT = (
    "the tags are "
    + " ".join(tag.token for tag in PARALINGUISTIC_TAGS)
    + f"; a pause looks like this: {PAUSE_SPELLINGS[0][0]}"
)


class DirectionError(Exception):
    """A direction that is refused: the problem and the hint."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.problem, self.hint = problem, hint


class Directions:
    """Replaces the directions in texts of a script.

    warn: is called with what is replaced or left out.
    """

    def __init__(self, options: ReadingOptions, warn: Warn) -> None:
        self._options, self._warn = options, warn
        self._reported: set[str] = set()  # spellings that became a tag or a pause

    def replace(self, text: str, *, literal: bool) -> str:
        """Return the text with tags and pauses in place of directions.

        literal: the line is indented, so that names in brackets are words. Raises DirectionError.
        """
        text = _BRACKETED.sub(lambda match: self._bracketed(match, literal), text)
        return _STARRED.sub(self._starred, _AROUND.sub(r"\1", text))

    def behind_label(self, direction: str) -> str:
        """Return what a direction between a label and its colon means."""
        known = self._known(f"({direction})", direction)
        return self._drop(f"({direction})") if known is None else known

    def tag(self, name: str, attributes: str) -> str | None:
        """Return what an HTML tag means: `<break time="1s"/>`, `<laugh>`; None: nothing known."""
        written = f"<{name} {attributes}>" if attributes else f"<{name}>"
        if name.casefold() in _PAUSE_TAGS:
            return self._pause(written, _break_seconds(attributes))
        if name.casefold() in ("prosody", "emphasis", "lang"):
            return self._drop(written)
        if self._options.knows(name) or is_role(name):
            raise DirectionError(
                f"{written} may name a speaker or be a tag to leave out",
                "close it on the same or a later line, begin a line with the name and a colon, or "
                "delete it",
            )
        return self._known(written, name) if meaning(name) is not None else None

    def note_time(self, written: str) -> None:
        """Warn, once a script, that times are left out."""
        self._report("time", f"times such as {written} are left out")

    def _bracketed(self, match: re.Match[str], literal: bool) -> str:
        kind, inside = match.lastgroup or "", match[match.lastgroup or 0]
        if kind == "number":
            return self._pause(match[0], float(inside)) if inside not in ("", ".") else match[0]
        if kind in ("round", "wide_round"):
            return self._in_parentheses(match, inside)
        if _is_pause(match[0]):
            return match[0]
        if kind == "curly":
            return self._in_braces(match[0], inside)
        if _TIME.fullmatch(inside):
            self.note_time(match[0])
            return ""
        if _LENGTH_WITH_UNIT.fullmatch(inside) and (seconds := length_of(inside)):
            return self._pause(match[0], seconds)
        if (known := self._known(match[0], inside)) is not None:
            return known
        if inside.strip().casefold().startswith(_PAUSE_TAGS):
            return match[0]  # `text.pauses` says what is wrong with these
        if literal and is_name_like(inside):
            return match[0]
        if not inside.strip():
            return self._drop(match[0])
        if _FOOT_MARK.fullmatch(inside):
            self._warn(f"a foot mark is left out: {match[0]}")
            return ""
        if is_name_like(inside):
            raise DirectionError(
                f"{excerpt(match[0])} inside a line may be a speaker or a direction",
                f"begin a line with {excerpt(match[0])} if somebody of this name speaks; for a "
                f"direction write ({excerpt(inside.casefold())}), else delete the brackets",
            )
        return self._drop(match[0])

    def _in_parentheses(self, match: re.Match[str], inside: str) -> str:
        found = meaning(inside)
        if found:
            return self._known(match[0], inside) or ""
        if found == "" and (_is_verb(inside) or _stands_apart(match)):
            return self._drop(match[0])
        return match[0]

    def _in_braces(self, written: str, inside: str) -> str:
        seconds = length_of(inside) if _LENGTH_WITH_UNIT.fullmatch(inside) else None
        if seconds:
            return self._pause(written, seconds)
        if (known := self._known(written, inside)) is not None:
            return known
        self._report(written, f"{excerpt(written)} is read aloud as it is written")
        return written

    def _starred(self, match: re.Match[str]) -> str:
        inside = match["stars"] or match["lines"]
        found = meaning(inside)
        apart = _stands_apart(match)
        if found is None or (inside[0].isupper() and not apart):
            return match[0]  # emphasis
        if apart or _VERB.match(inside):
            return self._known(match[0], inside) or ""
        if not found:
            return match[0]
        raise DirectionError(
            f"{excerpt(match[0])} may be a direction or an emphasized word",
            f"write ({excerpt(inside)}) for a direction, or {excerpt(inside)} for a word",
        )

    def _known(self, written: str, direction: str) -> str | None:
        """Return what replaces a direction that podtts knows; None for any other."""
        found = meaning(direction)
        if found is None:
            return None
        if not found:
            return self._drop(written)
        return self._as(written, found)

    def _pause(self, written: str, seconds: float) -> str:
        return self._as(written, f"[pause {seconds:g}]") if seconds else ""

    def _as(self, written: str, replacement: str) -> str:
        if self._options.directions == "refuse":
            raise DirectionError(f"{excerpt(written)} is a direction", HINT)
        if self._options.directions == "drop":
            return self._drop(written)
        self._report(written.casefold(), f"{excerpt(written)} is read as {replacement}")
        return replacement

    def _drop(self, written: str) -> str:
        if self._options.directions == "refuse":
            raise DirectionError(f"{excerpt(written)} is a direction", HINT)
        self._warn(f"a direction is left out: {excerpt(written)}")
        return ""

    def _report(self, key: str, note: str) -> None:
        """Warn once a script of what is the same every time."""
        if key not in self._reported:
            self._reported.add(key)
            self._warn(note)


def _is_pause(written: str) -> bool:
    """Whether this is a pause in podtts' own spelling."""
    parts = split_pauses(written)
    return isinstance(parts, list) and any(isinstance(part, Pause) for part in parts)


def _is_verb(inside: str) -> bool:
    """Whether a direction is one verb, such as nods: inside a sentence, more may be its words."""
    return " " not in inside.strip() and _VERB.fullmatch(inside.strip()) is not None


def _stands_apart(match: re.Match[str]) -> bool:
    """Whether something stands between two sentences, or begins the line."""
    before, after = match.string[: match.start()].rstrip(), match.string[match.end() :].lstrip()
    return not before or (before[-1] in _SENTENCE_END and not after[:1].islower())


def _break_seconds(attributes: str) -> float:
    """Return the seconds of a `<break>`: of its time, or else of its strength."""
    if time := _TIME_ATTRIBUTE.search(attributes):
        seconds = length_of(time[1])
    elif strength := _STRENGTH_ATTRIBUTE.search(attributes):
        seconds = _STRENGTHS.get(strength[1])
    else:
        seconds = length_of(attributes.lstrip(":= ")) if attributes else PAUSE_SECONDS[""]
    if seconds is None:
        raise DirectionError(f"the length of <break {excerpt(attributes)}> is unclear", HINT)
    return seconds
