"""The tags that a text may contain, and a check for all others.

Tags are tokens of the model's vocabulary. The model would read an unknown tag aloud, and a
structural tag (`<|text_end|>`) would end the turn early. So everything that looks like a tag must
be one of these.
"""

import re
from dataclasses import dataclass

from podtts.errors import nearest
from podtts.text.characters import excerpt


@dataclass(frozen=True)
class Tag:
    """A token of the model that a text contains as `<|name|>`."""

    name: str
    meaning: str

    @property
    def token(self) -> str:
        return f"<|{self.name}|>"


PARALINGUISTIC_TAGS = (
    Tag("laughter", "a laugh"),
    Tag("sigh", "a sigh"),
    Tag("breathing", "an audible breath"),
    Tag("coughing", "a cough"),
    Tag("throat_clearing", "clearing the throat"),
)
DIALECT_TAGS = (
    Tag("Sichuan", "opens a text in Sichuanese (dialect checkpoint)"),
    Tag("Yue", "opens a text in Cantonese (dialect checkpoint)"),
    Tag("Henan", "opens a text in Henanese (dialect checkpoint)"),
)

_NAMES = tuple(tag.name for tag in PARALINGUISTIC_TAGS + DIALECT_TAGS)
_KNOWN_TAGS = "the tags are " + " ".join(tag.token for tag in PARALINGUISTIC_TAGS + DIALECT_TAGS)
_MARK = re.compile(r"<\||\|>")

TAG = re.compile(r"<\|[^|]*\|>")  # for texts that passed `check_tags`


@dataclass(frozen=True)
class TagProblem:
    """A problem with the tags of a text, and its offset in characters."""

    offset: int
    problem: str
    hint: str = _KNOWN_TAGS


def check_tags(text: str) -> TagProblem | None:
    """Return the first unknown tag or unbalanced `<|` or `|>` of a text, or None."""
    opened: int | None = None
    for mark in _MARK.finditer(text):
        if mark[0] == "<|":
            if opened is not None:
                return _unclosed(opened)
            opened = mark.start()
        elif opened is None:
            return TagProblem(mark.start(), "|> without <| before it")
        else:
            name = text[opened + 2 : mark.start()]
            if name not in _NAMES:
                suggestion = nearest(name.strip(), (*_NAMES, "pause:300"))  # see text.pauses
                return TagProblem(opened, f"unknown tag <|{excerpt(name)}|>{suggestion}")
            opened = None
    return None if opened is None else _unclosed(opened)


def _unclosed(offset: int) -> TagProblem:
    return TagProblem(offset, "<| without |> after it")


def dialect_of(text: str) -> Tag | None:
    """Return the dialect tag at the beginning of a text, or None."""
    return next((tag for tag in DIALECT_TAGS if text.startswith(tag.token)), None)


def check_dialect_prompt(text: str) -> TagProblem | None:
    """Return the reason why a non-empty text is not a valid dialect prompt, or None."""
    if dialect_of(text) is None:
        tokens = ", ".join(tag.token for tag in DIALECT_TAGS)
        return TagProblem(0, f"a dialect prompt must begin with one of {tokens}", "")
    return check_tags(text)
