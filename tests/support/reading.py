"""How texts are read: for tables of what is written and what is said."""

from podtts.text.verbalize import verbalize


def english(text: str) -> str:
    return verbalize(text, "en").text


def mandarin(text: str) -> str:
    return verbalize(text, "zh").text
