"""Time-stretching: faster or slower speech of the same pitch, after synthesis."""

from __future__ import annotations

import numpy as np
import torch
from python_stretch.Signalsmith import Stretch
from torch import Tensor

from podtts.rates import OUTPUT_HZ

_SEED = 0  # of the random phases: the same wave gives the same bytes


def stretch(wave: Tensor, tempo: float) -> Tensor:
    """Change the tempo of a wave (float32 [S], 24 kHz); a tempo of 2.0 halves its duration.

    returns: float32 [round(S / tempo)], within [-1, 1].
    """
    length = round(len(wave) / tempo)
    if tempo == 1.0 or not length:
        return wave
    stretcher = Stretch(_SEED)
    stretcher.preset(1, OUTPUT_HZ)
    stretcher.setTimeFactor(tempo)
    stretched = torch.from_numpy(np.array(stretcher.process(wave[None].numpy()))[0])
    stretched = torch.nn.functional.pad(stretched[:length], (0, max(length - len(stretched), 0)))
    return stretched.clamp(-1.0, 1.0)
