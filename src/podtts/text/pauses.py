"""Pauses in a text: `[pause 0.8]` in seconds, `<|pause:300|>` in milliseconds.

Misspelled pauses and SSML are refused, because they would otherwise be read aloud.
"""

import re
from dataclasses import dataclass

from podtts.text.characters import excerpt
from podtts.text.tags import TagProblem

MAX_PAUSE_SECONDS = 10.0
PAUSE_SPELLINGS = (
    ("[pause 0.8]", f"seconds of silence, at most {MAX_PAUSE_SECONDS:g}"),
    ("<|pause:300|>", "the same in milliseconds"),
)
_EXAMPLE = "a pause looks like this: [pause 0.8] in seconds, or <|pause:300|> in milliseconds"

_NUMBER = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
_SECONDS = re.compile(rf"\[pause[ \t]+(?P<seconds>{_NUMBER})[ \t]*s?\]", re.IGNORECASE)
_MILLISECONDS = re.compile(rf"<\|pause:(?P<milliseconds>{_NUMBER})\|>", re.IGNORECASE)
# Everything that looks like a pause or SSML, correct or not.
_PAUSE_LIKE = re.compile(
    r"\[\s*pause\b[^\[\]]*\]?"
    r"|\[\s*(?:break|silence|wait)\b[^\[\]0-9]*[0-9][^\[\]]*\]"
    r"|<\|\s*(?:pause|break|silence)\b[^|]*(?:\|>)?"
    r"|<\#[^<>]*\#?>"
    r"|</?(?:speak|break|pause|prosody|emphasis|say-as|phoneme|sub|voice|audio|p|s)\b[^<>]*>",
    re.IGNORECASE,
)
_SSML = re.compile(r"</?[a-z]", re.IGNORECASE)


@dataclass(frozen=True)
class Pause:
    """A pause in a text."""

    seconds: float  # as written; may exceed MAX_PAUSE_SECONDS


def split_pauses(text: str) -> list[str | Pause] | TagProblem:
    """Split a text into texts and pauses, in order, without blank texts.

    Returns the problem of the first invalid pause instead, if there is one.
    """
    parts: list[str | Pause] = []
    start = 0
    for mark in _PAUSE_LIKE.finditer(text):
        pause = _parse(mark[0])
        if pause is None:
            is_ssml = _SSML.match(mark[0]) is not None
            kind = "SSML, which podtts does not support" if is_ssml else "not a valid pause"
            return TagProblem(mark.start(), f"{excerpt(mark[0])} is {kind}", _EXAMPLE)
        parts += [text[start : mark.start()], pause]
        start = mark.end()
    parts.append(text[start:])
    return [part for part in parts if isinstance(part, Pause) or part.strip()]


def _parse(mark: str) -> Pause | None:
    """Return the pause of a mark, or None when it is misspelled or its duration is zero."""
    if match := _SECONDS.fullmatch(mark):
        seconds = float(match["seconds"])
    elif match := _MILLISECONDS.fullmatch(mark):
        seconds = float(match["milliseconds"]) / 1000
    else:
        return None
    return Pause(seconds) if seconds > 0 else None
