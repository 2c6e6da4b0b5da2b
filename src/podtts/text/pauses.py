"""Silence written into a text: `[pause 0.8]` in seconds, `<|pause:300|>` in milliseconds.

What looks like a break but is spelled otherwise is refused rather than read aloud: SSML that is
taken in part would be worse than none.
"""

import re
from dataclasses import dataclass

from podtts.text.characters import excerpt
from podtts.text.tags import TagProblem

MAX_PAUSE_SECONDS = 10.0
PAUSE_SPELLINGS = (
    ("[pause 0.8]", f"seconds of silence, {MAX_PAUSE_SECONDS:g} at most"),
    ("<|pause:300|>", "the same in milliseconds"),
)
A_PAUSE = "a pause looks like this: [pause 0.8] in seconds, or <|pause:300|> in milliseconds"

_NUMBER = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
_SECONDS = re.compile(rf"\[pause[ \t]+(?P<seconds>{_NUMBER})[ \t]*s?\]", re.IGNORECASE)
_MILLISECONDS = re.compile(rf"<\|pause:(?P<milliseconds>{_NUMBER})\|>", re.IGNORECASE)
# Everything that is meant as a pause or as SSML, well spelled or not.
_MEANT = re.compile(
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
    """A written silence."""

    seconds: float  # as written, perhaps beyond MAX_PAUSE_SECONDS


def split_pauses(text: str) -> list[str | Pause] | TagProblem:
    """Return the texts and pauses of a text in order, or what is wrong with the first bad one.

    Texts that are blank are left out.
    """
    parts: list[str | Pause] = []
    behind = 0
    for meant in _MEANT.finditer(text):
        pause = _read(meant[0])
        if pause is None:
            kind = "SSML, which is not read here" if _SSML.match(meant[0]) else "no pause"
            return TagProblem(meant.start(), f"{excerpt(meant[0])} is {kind}", A_PAUSE)
        parts += [text[behind : meant.start()], pause]
        behind = meant.end()
    parts.append(text[behind:])
    return [part for part in parts if isinstance(part, Pause) or part.strip()]


def _read(mark: str) -> Pause | None:
    """The pause a mark stands for; None for one that is misspelled or lasts no time at all."""
    if found := _SECONDS.fullmatch(mark):
        seconds = float(found["seconds"])
    elif found := _MILLISECONDS.fullmatch(mark):
        seconds = float(found["milliseconds"]) / 1000
    else:
        return None
    return Pause(seconds) if seconds > 0 else None
