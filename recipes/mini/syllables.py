"""How Chinese characters are read; characters read alike share rows of the embedding."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.mini.layout import HAN


def syllable_parts() -> Tensor:
    """Numbers for the syllable, its initial, final and tone of every character of `HAN`.

    int64 [4, characters]. A character's most common reading counts; others are learnt from context.
    Syllables that were hardly ever heard share their parts with those that were.
    """
    from pypinyin import Style, lazy_pinyin

    characters = list(HAN)
    syllables = lazy_pinyin(characters, style=Style.TONE3, neutral_tone_with_five=True)
    initials = lazy_pinyin(characters, style=Style.INITIALS, strict=False)
    finals = lazy_pinyin(characters, style=Style.FINALS, strict=False)
    tones = [syllable[-1] for syllable in syllables]
    return torch.tensor([_numbers(some) for some in (syllables, initials, finals, tones)])


def _numbers(names: list[str]) -> list[int]:
    known = {name: number for number, name in enumerate(sorted(set(names)))}
    return [known[name] for name in names]
