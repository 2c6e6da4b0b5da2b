"""What the language model says where a text has a tag: breath and laughter in the phones of speech.

No teacher laughs or sighs. Quick syllables of `h` and a vowel, each lower than the one before, are
a laugh; a breath has a code of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from recipes.mini.phone_codes import BREATH, MIDDLE, PAUSE, PHONE_CODES, PHONES, PITCH_LEVELS

_PAUSE_TOKENS = (2, 5)  # around a tag

Sound = Iterator[tuple[str, int, int]]  # phone, level of pitch, tokens


def _laughter(rng: random.Random) -> Sound:
    vowel = rng.choice("ɑʌɐ")
    syllables = rng.randint(3, 6)
    top = rng.randint(MIDDLE + 2, PITCH_LEVELS - 1)
    for number in range(syllables):
        level = max(1, top - number)
        yield "h", level, rng.randint(1, 2)
        yield vowel, level, rng.randint(2, 3)
    yield BREATH, MIDDLE, rng.randint(3, 8)


def _sigh(rng: random.Random) -> Sound:
    yield BREATH, MIDDLE, rng.randint(5, 9)
    for level in range(rng.randint(MIDDLE, MIDDLE + 2), 0, -1):
        yield rng.choice("ɑə"), level, rng.randint(1, 2)
    yield BREATH, MIDDLE, rng.randint(4, 8)


def _breathing(rng: random.Random) -> Sound:
    yield BREATH, MIDDLE, rng.randint(8, 17)


def _coughing(rng: random.Random) -> Sound:
    for _ in range(rng.randint(2, 3)):
        yield "k", MIDDLE, 1
        yield BREATH, MIDDLE, rng.randint(2, 4)
        yield PAUSE, MIDDLE, rng.randint(1, 3)


def _throat_clearing(rng: random.Random) -> Sound:
    yield "h", MIDDLE, rng.randint(1, 2)
    yield "ə", 1, rng.randint(3, 5)
    yield "h", MIDDLE, rng.randint(1, 2)
    yield "m", 1, rng.randint(3, 5)


SOUNDS = {
    "laughter": _laughter,
    "sigh": _sigh,
    "breathing": _breathing,
    "coughing": _coughing,
    "throat_clearing": _throat_clearing,
}


def sound_codes(tag: str, rng: random.Random) -> NDArray[np.int16]:
    """Codes int16 [T] of a tag's sound and the pauses around it."""
    pause = PAUSE, MIDDLE
    parts = [(*pause, rng.randint(*_PAUSE_TOKENS)), *SOUNDS[tag](rng)]
    parts.append((*pause, rng.randint(*_PAUSE_TOKENS)))
    codes = [PHONES.index(phone) + PHONE_CODES * level for phone, level, _ in parts]
    return np.repeat(codes, [tokens for *_, tokens in parts]).astype(np.int16)


def joined(
    said: Sequence[tuple[str, NDArray[np.int16]]], tag: str | None, rng: random.Random
) -> tuple[str, NDArray[np.int16]]:
    """Texts and their codes as one; with a tag, it stands behind, before, or between them."""
    parts = list(said)
    if tag is not None:
        parts.insert(rng.randint(0, len(said)), (f"<|{tag}|>", sound_codes(tag, rng)))
    texts, codes = zip(*parts, strict=True)
    return " ".join(texts), np.concatenate(codes)
