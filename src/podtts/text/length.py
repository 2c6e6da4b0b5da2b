"""The expected duration of a text when it is spoken: a rough estimate.

A turn whose audio is far from it was not spoken as written.
"""

import re

from podtts.text.tags import TAG

CJK_PER_SECOND, LETTERS_PER_SECOND = 4.0, 12.0
# A third of the model's longest turn. A turn of more than three times its expected duration fails
# the length check, so no correct turn reaches the limit of the model.
LONGEST_TURN_SECONDS = 40.0
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def expected_seconds(text: str) -> float:
    """Return the expected duration: 4 Chinese characters, or 12 other letters, a second."""
    spoken = TAG.sub("", text)
    chinese = len(_CJK.findall(spoken))
    letters = sum(character.isalnum() for character in spoken) - chinese
    return chinese / CJK_PER_SECOND + letters / LETTERS_PER_SECOND
