"""How long a text takes to say, roughly: what is far from it was not said as written."""

import re

CJK_PER_SECOND, LETTERS_PER_SECOND = 4.0, 12.0
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_TAG = re.compile(r"<\|[^|]*\|>")


def expected_seconds(text: str) -> float:
    """Seconds a text takes: 4 Chinese characters, or 12 letters or digits of others, a second."""
    spoken = _TAG.sub("", text)
    chinese = len(_CJK.findall(spoken))
    letters = sum(character.isalnum() for character in spoken) - chinese
    return chinese / CJK_PER_SECOND + letters / LETTERS_PER_SECOND
