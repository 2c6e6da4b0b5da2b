"""How Chinese characters are read; characters read alike share a row of the embedding."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.mini.layout import HAN


def syllable_numbers() -> Tensor:
    """A number for the syllable, with its tone, of every character of `HAN`; int64 [characters].

    A character's most common reading counts; the others are learnt from context.
    """
    from pypinyin import Style, lazy_pinyin

    read = lazy_pinyin(list(HAN), style=Style.TONE3, neutral_tone_with_five=True)
    known = {syllable: number for number, syllable in enumerate(sorted(set(read)))}
    return torch.tensor([known[syllable] for syllable in read])
