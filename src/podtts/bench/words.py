"""The words of an English text, as a recognizer with a fixed vocabulary knows them."""

import re


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return re.findall(r"[a-z']*[a-z][a-z']*", text.lower().replace("-", " "))
