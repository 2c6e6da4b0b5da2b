"""What a speech token says: a phone and a level of pitch.

As in the published model, tokens are supervised: they stand for what is said, not for who says it.
The teacher gives the times of its phones, so that the tokens of what it said are known exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from podtts.rates import SAMPLES_PER_TOKEN
from recipes.mini.sizes import CODE_LEVELS

PAUSE = "_"
# Of English and Mandarin, as the teacher writes them; what is not here counts as a pause.
BREATH = "ʜ"  # not the teacher's: see breath.py
PHONES = PAUSE + "AIOTWYabdefhijklmnopstuvwxyzæðŋɐɑɔɕəɚɛɜɡɤɥɨɪɹɻʂʃʊʌʒʤʦʧʨʰθᵊᵻꭧQʔɾ" + BREATH
PHONE_CODES = CODE_LEVELS**4  # 81
PITCH_LEVELS = CODE_LEVELS**2  # 9
MIDDLE = PITCH_LEVELS // 2  # the speaker's median, and where nothing is voiced
OCTAVES_PER_LEVEL = 0.12
# What the teacher writes beside phones: pads, marks, and stress.
_PAUSES = frozenset('^$ ;:,.!?—…"()“”')
_STRESS = frozenset("ˈˌ")  # its time belongs to what follows
_MARKS = frozenset("ː→↗↓↘")  # theirs to what went before
_LOST_PHONE = 3.0  # tokens of distance that a phone without a token counts
_NUMBERS = {phone: number for number, phone in enumerate(PHONES)}


@dataclass(frozen=True)
class Segment:
    """A phone's number, and its end in samples."""

    phone: int
    end: int


def codes_of_phones(
    phones: str, samples: NDArray[np.int32], f0: NDArray[Any], tokens: int
) -> NDArray[np.int16]:
    """Codes int16 [tokens] of what the teacher said.

    phones: a character each. samples: of every one. f0: hertz at equal distances, 0 where unvoiced.
    """
    said = aligned_phones(list(segments(phones, samples)), tokens)
    levels = pitch_levels(f0, tokens)
    codes: NDArray[np.int16] = (said + PHONE_CODES * np.where(said == 0, MIDDLE, levels)).astype(
        np.int16
    )
    return codes


def segments(phones: str, samples: NDArray[np.int32]) -> Iterator[Segment]:
    """Phones with their ends; pauses in a row are one."""
    found: list[Segment] = []
    for symbol, end in zip(phones, np.cumsum(samples).tolist(), strict=True):
        if symbol in _STRESS:
            continue
        number = _NUMBERS.get(symbol, 0)
        goes_on = symbol in _MARKS or (number == 0 and found and found[-1].phone == 0)
        if goes_on and found:
            found[-1] = Segment(found[-1].phone, end)
        else:
            found.append(Segment(number, end))
    return iter(found)


def aligned_phones(said: Sequence[Segment], tokens: int) -> NDArray[np.int64]:
    """The phone of every token, int64 [tokens]: the one in its middle, but none is lost.

    A phone may be shorter than a token. It then takes the token that lies nearest, and the phones
    around it make room. Pauses may be lost.
    """
    ends = np.array([one.end for one in said]) / SAMPLES_PER_TOKEN
    starts = np.concatenate(([0.0], ends[:-1]))
    numbers = np.array([one.phone for one in said])
    lost = np.where(numbers == 0, 0.0, _LOST_PHONE)
    skipped = np.concatenate(([np.inf, np.inf], lost[1:-1]))[: len(said)]  # what lies before
    middles = np.arange(tokens)[:, None] + 0.5
    distance = np.maximum(0, np.maximum(starts - middles, middles - ends))
    # Least total distance of a path through the phones, and how far each of its steps goes.
    total = distance[0] + np.concatenate(([0.0], lost.cumsum()[:-1]))
    came = np.zeros((tokens, len(said)), np.int8)
    for token in range(1, tokens):
        ways = np.full((3, len(said)), np.inf)
        ways[0] = total
        ways[1, 1:] = total[:-1]
        ways[2, 2:] = total[:-2] + skipped[2:]
        came[token] = ways.argmin(axis=0)
        total = ways.min(axis=0) + distance[token]
    behind = np.concatenate((lost[::-1].cumsum()[::-1][1:], [0.0]))
    at = int((total + behind).argmin())
    path = np.empty(tokens, np.int64)
    for token in range(tokens - 1, -1, -1):
        path[token] = at
        at -= int(came[token, at])
    return numbers[path]


def pitch_levels(f0: NDArray[Any], tokens: int) -> NDArray[np.int64]:
    """Levels of pitch around the median, int64 [tokens]; the middle where nothing is voiced."""
    levels = np.full(tokens, MIDDLE)
    hertz = np.asarray(f0, np.float32)
    voiced = hertz > 0
    if not voiced.any():
        return levels
    octaves = np.log2(np.where(voiced, hertz, 1) / np.median(hertz[voiced]))
    token = np.minimum(np.arange(len(hertz)) * tokens // len(hertz), tokens - 1)
    count = np.bincount(token, voiced, tokens)
    mean = np.bincount(token, np.where(voiced, octaves, 0), tokens) / np.maximum(count, 1)
    found = np.rint(mean / OCTAVES_PER_LEVEL).astype(np.int64) + MIDDLE
    return np.where(count > 0, found.clip(0, PITCH_LEVELS - 1), levels)
