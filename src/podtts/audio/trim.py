"""Silence at the ends of a turn, and cutting it off."""

from torch import Tensor

from podtts.rates import OUTPUT_HZ, exact_div

SILENCE_DBFS = -50.0  # below, no syllable begins or ends: breath and room tone
_MARGIN_SAMPLES = exact_div(OUTPUT_HZ * 3, 100)  # 30 ms: soft consonants rise out of the silence


def trim_silence(wave: Tensor) -> Tensor:
    """Return a wave (float32 [S], 24 kHz) without what is below -50 dBFS at its ends, but 30 ms.

    A wave that is nothing but silence stays as it is.
    """
    heard = (wave.abs() > 10 ** (SILENCE_DBFS / 20)).nonzero()[:, 0]
    if not len(heard):
        return wave
    start = max(int(heard[0]) - _MARGIN_SAMPLES, 0)
    return wave[start : int(heard[-1]) + 1 + _MARGIN_SAMPLES]
