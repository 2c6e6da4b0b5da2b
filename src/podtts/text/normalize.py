"""The published text normalisation, substitution by substitution.

Source: Soul-AILab/SoulX-Podcast soulxpodcast/utils/text.py (Apache-2.0). The model was trained on
text in this form, so each pattern keeps the published order and its non-overlapping matches:
`我 是 你 的` becomes `我是 你的`.
"""

import re

_CHINESE = r"[\u4e00-\u9fff]"
_LATIN = r"[A-Za-z]"

_SPACED_PAIRS = tuple(
    re.compile(rf"({left})\s+({right})")
    for left, right in ((_CHINESE, _CHINESE), (_LATIN, _CHINESE), (_CHINESE, _LATIN))
)


def normalize_text(text: str) -> str:
    """Return the text as the model reads it; tags stay as they are."""
    for spaced_pair in _SPACED_PAIRS:
        text = spaced_pair.sub(r"\1\2", text)
    if re.fullmatch(_CHINESE, text[-1:]):
        return text + "。"
    if re.fullmatch(_LATIN, text[-1:]):
        return text + "."
    return text
