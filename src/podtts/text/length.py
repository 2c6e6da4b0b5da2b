"""How long a text takes to say, roughly: what is far from it was not said as written."""

import re

from podtts.text.tags import TAG

CJK_PER_SECOND, LETTERS_PER_SECOND = 4.0, 12.0
# A third of the longest turn of the model: beyond three times its expected length a turn counts as
# gone wrong, so that none that is well spoken meets the limit.
LONGEST_TURN_SECONDS = 40.0
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def expected_seconds(text: str) -> float:
    """Seconds a text takes: 4 Chinese characters, or 12 letters or digits of others, a second."""
    spoken = TAG.sub("", text)
    chinese = len(_CJK.findall(spoken))
    letters = sum(character.isalnum() for character in spoken) - chinese
    return chinese / CJK_PER_SECOND + letters / LETTERS_PER_SECOND
