"""Reads scripts of elements: `<Person1>Hello.</Person1>`, `<speaker name="Anna">Hi.</speaker>`.

What is around them may be headings, comments and header lines of podtts' own form. An element
around all others is ignored.
"""

import re
from collections.abc import Iterator

from podtts.errors import ScriptError
from podtts.script.lines import ScriptLine
from podtts.script.names import as_name

_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[^\W\d_][\w.-]{0,47})(?P<rest>(?:\s[^<>]{0,200})?)(?P<empty>/?)>"
)
_SKIPPED = re.compile(
    r"<\?[^<>]{0,200}\?>|<!DOCTYPE[^<>]{0,200}>|<!--(?:(?!-->).){0,2000}?-->", re.S
)
_NAME_ATTRIBUTE = re.compile(
    r"(?:name|speaker|voice|who|id|by)\s*=\s*(?:\"([^\"]{1,60})\"|'([^']{1,60})')"
)
# Elements that hold words or other elements, but name no speaker.
_NO_PERSONS = {
    *("p", "b", "i", "em", "strong", "u", "s", "span", "br", "div", "a", "html", "body", "speak"),
    *("break", "pause", "silence", "prosody", "emphasis", "audio", "phoneme", "sub", "voice", "v"),
    *("laugh", "laughs", "laughter", "sigh", "cough", "chuckle", "gasp", "think", "thinking"),
}
_GENERIC = {"speaker", "voice", "turn", "line", "speech", "dialogue", "utterance", "say", "person"}


def is_elements(text: str) -> bool:
    """Whether a text begins with an element that can name a speaker, and closes it."""
    first = _TAG.match(_SKIPPED.sub("", _without_preface(text)[:4000]).lstrip())
    if first is None or first["end"] or first["empty"]:
        return False
    return _names_somebody(first) and f"</{first['name']}>" in text


def _without_preface(text: str) -> str:
    """Return a text from its first line that is no heading, comment, header or empty line."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if line.strip() and not line.startswith(("#", "//")) and "=" not in line.split("<")[0]:
            return "\n".join(lines[index:])
    return ""


def element_lines(text: str, source: str) -> list[ScriptLine]:
    """Return the content of the elements as lines of a script.

    Raises ScriptError for an element that is not closed, or begins within another one.
    """
    text = _SKIPPED.sub(_blank, text)
    for name in _wrappers(text):
        text = re.sub(rf"</?{re.escape(name)}(?:\s[^<>]{{0,200}})?>", _blank, text)
    lines: list[ScriptLine] = []
    open_tag: re.Match[str] | None = None
    at, line = 0, 1
    for tag in _person_tags(text):
        between = text[at : tag.start()]
        lines += _content(between, line, is_words=open_tag is not None)
        line += between.count("\n")
        at = tag.end()
        if tag["end"]:
            if open_tag is None or tag["name"] != open_tag["name"]:
                raise ScriptError(source, line, f"{tag[0]} closes nothing", "delete it")
            open_tag = None
        else:
            if open_tag is not None:
                raise ScriptError(
                    source,
                    line,
                    f"{tag[0]} begins within {open_tag[0]}",
                    f"close it first: </{open_tag['name']}>",
                )
            open_tag = tag
            lines.append(ScriptLine(line, "", speaker=_speaker(tag)))
        line += tag[0].count("\n")
    if open_tag is not None:
        raise ScriptError(
            source, line, f"{open_tag[0]} is not closed", f"write </{open_tag['name']}>"
        )
    return [*lines, *_content(text[at:], line, is_words=False)]


def _person_tags(text: str) -> Iterator[re.Match[str]]:
    """Yield the tags of elements that name speakers; others belong to the words."""
    tags = [tag for tag in _TAG.finditer(text) if not tag["empty"]]
    closed = {tag["name"] for tag in tags if tag["end"]}
    persons = {tag["name"] for tag in tags if not tag["end"] and _names_somebody(tag)}
    yield from (tag for tag in tags if tag["name"] in closed & persons)


def _names_somebody(tag: re.Match[str]) -> bool:
    return (
        tag["name"].casefold() not in _NO_PERSONS or _NAME_ATTRIBUTE.search(tag["rest"]) is not None
    )


def _blank(match: re.Match[str]) -> str:
    """Return spaces in place of a text, with its line ends."""
    return re.sub(r"[^\n]", " ", match[0])


def _wrappers(text: str) -> set[str]:
    """Return the names of elements around all others: the first and the last tag of a text."""
    tags = [tag for tag in _TAG.finditer(text) if not tag["empty"]]
    names = set()
    while len(tags) > 2 and not tags[0]["end"] and not tags[1]["end"]:
        first, last = tags[0], tags[-1]
        if last["name"] != first["name"] or not last["end"]:
            break
        if sum(tag["name"] == first["name"] for tag in tags) != 2:
            break
        names.add(first["name"])
        tags = tags[1:-1]
    return names


def _speaker(tag: re.Match[str]) -> str:
    """Return who speaks in an element: its attribute if its name says nothing, else its name."""
    attribute = _NAME_ATTRIBUTE.search(tag["rest"])
    if attribute and tag["name"].casefold() in _GENERIC:
        return as_name(attribute[1] or attribute[2]) or tag["name"]
    return as_name(tag["name"]) or tag["name"]


def _content(text: str, line: int, *, is_words: bool) -> Iterator[ScriptLine]:
    for offset, part in enumerate(text.split("\n")):
        if part.strip():
            yield ScriptLine(line + offset, part.strip() if is_words else part, is_words=is_words)
