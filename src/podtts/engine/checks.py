"""Whether a turn came out as speech. What is wrong is said in words; nothing is ever repaired."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from podtts.text.length import expected_seconds
from podtts.values import SpeechTokens

# Far outside what any reading pace allows; short texts get room for breath, tags and hesitation.
SHORTEST, LONGEST = 0.3, 3.0  # times the expected length
GRACE_SECONDS = 2.0
SILENT_PEAK = 1e-3
CONSTANT_SPREAD = 1e-3


def token_problems(text: str, tokens: SpeechTokens) -> Iterator[str]:
    """What is wrong with the length of a turn, by a trained voice's measure."""
    expected = expected_seconds(text)
    if not tokens.ended:
        yield f"it reached the limit of {len(tokens.ids)} tokens without an end"
    elif tokens.seconds > LONGEST * expected + GRACE_SECONDS:
        yield f"it takes {tokens.seconds:.1f} s where the text asks for about {expected:.1f} s"
    elif tokens.seconds < SHORTEST * expected - GRACE_SECONDS / 10:
        yield f"it ends after {tokens.seconds:.1f} s where the text asks for about {expected:.1f} s"


def wave_problems(wave: Tensor) -> Iterator[str]:
    """What is wrong with the sound of a turn, float32 [S], by a trained voice's measure."""
    peak, spread = float(wave.abs().max()), float(wave.max() - wave.min())
    if peak < SILENT_PEAK:
        yield "it is silent"
    elif spread < CONSTANT_SPREAD:
        yield "it is a constant signal"


def is_finite(values: Tensor) -> bool:
    """Whether every number is one: a clamp hides NaN from everything that listens later."""
    return bool(values.isfinite().all())
