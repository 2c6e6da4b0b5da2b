"""The text normalization of the published code.

Source: Soul-AILab/SoulX-Podcast soulxpodcast/utils/text.py (Apache-2.0). The model was trained on
text in this form, so the patterns have the published order and do not overlap: `我 是 你 的`
becomes `我是 你的`.
"""

import re

_CHINESE = r"[\u4e00-\u9fff]"
_LATIN = r"[A-Za-z]"

_SPACED_PAIRS = tuple(
    re.compile(rf"({left})\s+({right})")
    for left, right in ((_CHINESE, _CHINESE), (_LATIN, _CHINESE), (_CHINESE, _LATIN))
)


def normalize_text(text: str) -> str:
    """Return the text in the form the model was trained on; tags stay the same."""
    for spaced_pair in _SPACED_PAIRS:
        text = spaced_pair.sub(r"\1\2", text)
    if re.fullmatch(_CHINESE, text[-1:]):
        return text + "。"
    if re.fullmatch(_LATIN, text[-1:]):
        return text + "."
    return text
