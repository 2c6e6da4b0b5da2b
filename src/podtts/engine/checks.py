"""Checks of a turn's tokens and samples. They describe what is wrong; they never repair it."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from podtts.text.characters import excerpt
from podtts.text.languages import has_han
from podtts.text.length import expected_seconds
from podtts.text.tags import TAG
from podtts.values import Heard, SpeechTokens

# No reader is so fast or so slow; short texts get room for breath, tags and hesitation.
MIN_LENGTH, MAX_LENGTH = 0.3, 3.0  # times the expected length
EXTRA_SECONDS = 2.0
SILENT_PEAK = 1e-3
CONSTANT_SPREAD = 1e-3
SHOWN_CHARACTERS = 120  # of a text in a message


def token_problems(text: str, tokens: SpeechTokens) -> Iterator[str]:
    """Yield what is wrong with the length of a turn of a trained model."""
    expected = expected_seconds(text)
    if not tokens.ended:
        yield f"it reached the limit of {len(tokens.ids)} tokens without an end"
    elif tokens.seconds > MAX_LENGTH * expected + EXTRA_SECONDS:
        yield f"it takes {tokens.seconds:.1f} s where the text asks for about {expected:.1f} s"
    elif tokens.seconds < MIN_LENGTH * expected - EXTRA_SECONDS / 10:
        yield f"it ends after {tokens.seconds:.1f} s where the text asks for about {expected:.1f} s"


def wave_problems(wave: Tensor) -> Iterator[str]:
    """Yield what is wrong with the wave of a turn of a trained model, float32 [S]."""
    peak, spread = float(wave.abs().max()), float(wave.max() - wave.min())
    if peak < SILENT_PEAK:
        yield "it is silent"
    elif spread < CONSTANT_SPREAD:
        yield "it is a constant signal"


def hearing_problems(text: str, heard: Heard, limit: float) -> Iterator[str]:
    """Yield what is wrong with a turn by what was heard in it. limit: of the error, as a share."""
    if heard.error > limit:
        units = "characters" if has_han(text) else "words"
        said, understood = TAG.sub("", text).strip(), heard.text or "nothing"
        yield (
            f"{heard.error:.0%} of its {units} are heard otherwise (limit {limit:.0%}): "
            f"“{excerpt(understood, SHOWN_CHARACTERS)}” for “{excerpt(said, SHOWN_CHARACTERS)}”"
        )


def is_finite(values: Tensor) -> bool:
    """Whether there is no NaN and no infinity; later stages would hide them by clamping."""
    return bool(values.isfinite().all())
