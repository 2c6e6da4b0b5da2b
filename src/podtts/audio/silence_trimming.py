"""Removes silence from the ends of a turn."""

from torch import Tensor

from podtts.rates import OUTPUT_HZ, exact_div

SILENCE_DBFS = -50.0  # breath and room noise are below, all syllables above
_MARGIN_SAMPLES = exact_div(OUTPUT_HZ * 3, 100)  # 30 ms: soft consonants begin below the limit


def trim_silence(wave: Tensor) -> Tensor:
    """Remove silence below -50 dBFS from both ends of a wave (float32 [S], 24 kHz), but keep 30 ms.

    Returns a silent wave unchanged.
    """
    audible = (wave.abs() > 10 ** (SILENCE_DBFS / 20)).nonzero()[:, 0]
    if not len(audible):
        return wave
    start = max(int(audible[0]) - _MARGIN_SAMPLES, 0)
    return wave[start : int(audible[-1]) + 1 + _MARGIN_SAMPLES]
