"""Turns markup in the text of a line into what it means: Markdown, HTML, entities, emoji.

Every function returns the text without one kind of markup, and calls `warn` for what it leaves out
that a reader of the script would see. All patterns are bounded, so long lines take linear time.
"""

import html
import re
from collections.abc import Callable

Warn = Callable[[str], None]

_ESCAPE = re.compile(r"\\(?=[\\`*_{}\[\]()#+.!|~<>-])")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_COMMENT = re.compile(r"<!--(?:(?!<!--).){0,2000}?-->")
_IMAGE = re.compile(r"!\[([^\[\]]{0,200})\]\([^()\s]{0,500}(?:\([^()\s]{0,100}\)[^()\s]{0,200})?\)")
_ADDRESS = r"[^()\s]{0,500}(?:\([^()\s]{0,100}\)[^()\s]{0,200})?(?:[ ]+[\"'][^\"']{0,200}[\"'])?"
_LINK = re.compile(rf"(?<!!)\[([^\[\]]{{1,300}})\](?:\({_ADDRESS}\)|\[[^\[\]]{{0,60}}\])")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,500}|[^<>\s@|]{1,100}@[^<>\s|]{1,200})>")

# Emphasis begins before a character and ends behind one; 2*3*4 and a_name_like_this have none.
_EMPHASIS = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*\n]{1,2000})(?<=[^\s*])\1(?![\w*])",
        r"(?<!\w)(_{1,3})(?=[^\s_])([^_\n]{1,2000})(?<=[^\s_])\1(?!\w)",
        r"(~~)(?=[^\s~])([^~\n]{1,2000})(?<=[^\s~])\1",
        r"(?<![\w`])(`{1,2})([^`\n]{1,500})\1(?![\w`])",
    )
)
# Chinese is written without spaces, so there emphasis also stands right beside a letter.
_STRONG = re.compile(r"\*\*(?=[^\s*])([^*\n]{1,2000})(?<=[^\s*])\*\*")
# What a sentence in bold over several lines leaves at its first and at its last line.
_OPEN_STRONG = re.compile(r"(?<![^\s(\"“])(?:\*\*|__)(?=\w)")
_CLOSE_STRONG = re.compile(r"(?<=[\w.,!?;:。！？])(?<!\*)(?:\*\*|__)(?![\w*])")

_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][\w.-]{0,40})(?P<rest>(?:[\s/][^<>]{0,300})?)>")
_SPACED_TAGS = {"br", "p", "div", "li", "tr", "td", "hr", "blockquote"}
_PLAIN_TAGS = {
    *("b", "i", "em", "strong", "u", "s", "small", "big", "mark", "span", "font", "a", "code"),
    *("sup", "sub", "ins", "del", "q", "cite", "center", "ul", "ol", "pre", "kbd", "abbr", "tt"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "speak", "html", "body", "c"),
}
# These would change how or by whom the words are spoken, so `text.pauses` refuses them.
_REFUSED_TAGS = {"say-as", "phoneme", "voice", "audio"}

_EMOJI = re.compile(
    "(?:[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u231a-\u23ff\u2669-\u266f\U000e0020-\U000e007f]"
    "[\ufe0f\u200d\u20e3]*)+"
)
_KEYCAP = re.compile("[\ufe0e\ufe0f]?\u20e3|[\ufe0e\ufe0f]")
_EMPTY_EMPHASIS = re.compile(r"(?<!\S)(?:\*{2}|\*{4}|\*{6}|_{2}|_{4})(?!\S)")
_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")
_SPACE_BEFORE_POINT = re.compile(r"(?<=\S) +(?=[.,!?;:](?:\s|\Z)|[，。！？；：、])")


def unescape(text: str) -> str:
    """Replace HTML entities by their characters, and drop the backslashes of Markdown."""
    if not any(sign in text for sign in "&\\\xa0"):
        return text
    text = _ESCAPE.sub("", text)
    text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return "".join(c for c in text.replace("\xa0", " ") if c >= " " or c == "\t")


def without_comments(text: str) -> str:
    """Remove HTML comments, which nobody is meant to see."""
    return _COMMENT.sub("", text)


def without_links(text: str, warn: Warn) -> str:
    """Replace links by their text; drop images."""

    def image(match: re.Match[str]) -> str:
        warn(f"an image is left out: {match[1] or match[0]}")
        return ""

    text = _IMAGE.sub(image, text)
    return _AUTOLINK.sub(r"\1", _LINK.sub(r"\1", text))


def without_emphasis(text: str) -> str:
    """Remove the marks of bold, italic, struck and code text, and keep the words."""
    for pattern in _EMPHASIS:
        text = pattern.sub(r"\2", text)
    text = _STRONG.sub(r"\1", text)
    return _CLOSE_STRONG.sub("", _OPEN_STRONG.sub("", text))


def without_tags(text: str, warn: Warn, meaning: Callable[[str, str], str | None]) -> str:
    """Remove HTML tags and keep the words between them.

    meaning: returns what stands for a tag of this name and these attributes; None: nothing does.
    """

    def replace(match: re.Match[str]) -> str:
        name, rest = match["name"].casefold(), match["rest"].strip().removesuffix("/").strip()
        if name in _REFUSED_TAGS or (name == "sub" and "alias" in rest):
            return match[0]
        if name in _SPACED_TAGS:
            return " "
        if name in _PLAIN_TAGS:
            return ""
        if match["end"]:
            return ""  # the tag that it closes was reported
        known = meaning(match["name"], rest)
        if known is not None:
            return known
        warn(f"a tag is left out: {match[0]}")
        return ""

    return _TAG.sub(replace, text)


def without_emoji(text: str, warn: Warn) -> str:
    """Drop emoji and similar pictures."""
    if text.isascii():
        return text

    def drop(match: re.Match[str]) -> str:
        warn(f"{match[0]} has no sound and is left out")
        return ""

    return _KEYCAP.sub("", _EMOJI.sub(drop, text))


def tidy(text: str) -> str:
    """Close the gaps, and drop the empty emphasis, that something left out has made."""
    text = _EMPTY_EMPHASIS.sub("", text)
    return _SPACE_BEFORE_POINT.sub("", _GAP.sub(" ", text)).strip()
